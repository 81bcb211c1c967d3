//! The dashboard's look on a desktop and a phone: nothing overflows, and pictures for people to judge.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { LivePage, launch } from "../support/browser.mjs";
import { Server } from "../support/server.mjs";

let server, browser;
const folder = process.env.SCREENSHOTS ?? mkdtempSync(join(tmpdir(), "dashboard-"));

before(async () => {
  mkdirSync(folder, { recursive: true });
  [server, browser] = await Promise.all([Server.start("dashboard"), launch()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

for (const [name, options] of [
  ["desktop", { viewport: { width: 1280, height: 900 } }],
  ["desktop-dark", { viewport: { width: 1280, height: 900 }, colorScheme: "dark" }],
  ["phone", { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }],
]) {
  test(`nothing overflows: ${name}`, async (t) => {
    const context = await browser.newContext(options);
    const live = await LivePage.open(context, server.address);
    const { page } = live;
    for (let clicks = 0; clicks < 7; clicks += 1) await page.click("#increment");
    await page.click("#new-task [type=submit]");
    await page.locator("#task-2").getByText("Edit").click();
    await page.fill("#new-title", "A_long_title_without_any_place_to_break_it_".repeat(2).slice(0, 80));
    await page.press("#new-title", "Enter");
    await page.locator("#edit-title").waitFor();
    await live.text("#increment", "Increment (Max Reached)");
    const { width, wide } = await page.evaluate(() => {
      const width = document.documentElement.clientWidth;
      const wide = [...document.querySelectorAll("body *")]
        .filter((element) => element.getBoundingClientRect().right > width + 0.5)
        .map((element) => `${element.localName}#${element.id}.${element.className}`);
      return { width, wide };
    });
    assert.equal(width, options.viewport.width);
    assert.deepEqual(wide, []);
    await page.evaluate(() => scrollTo(0, 0));
    const path = join(folder, `${name}.png`);
    await page.screenshot({ path, fullPage: true });
    t.diagnostic(path);
    await context.close();
    live.healthy();
  });
}
