//! The shopping list in Chromium, under its strict policy: what the template declares happens at once.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { LivePage, launch } from "../support/browser.mjs";
import { Server } from "../support/server.mjs";

let server, browser, context, live, page;

before(async () => {
  [server, browser] = await Promise.all([Server.start("shopping"), launch()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});
beforeEach(async () => {
  context = await browser.newContext();
  live = await LivePage.open(context, server.address);
  page = live.page;
});
afterEach(async () => {
  await context.close();
  live.healthy();
});

const sent = () => live.frames.filter(({ sent }) => typeof sent?.[0] === "number").map(({ sent }) => sent.slice(1));

test("the policy is the strict one", async () => {
  const policy = (await page.request.get(server.address)).headers()["content-security-policy"];
  for (const rule of ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "style-src 'self'", "require-trusted-types-for 'script'"]) {
    assert.ok(policy.includes(rule), rule);
  }
});

test("an item is added from the keyboard alone", async () => {
  await page.keyboard.press("/");
  await page.waitForFunction(() => document.activeElement.id === "item");
  await page.keyboard.type("Milk");
  await page.keyboard.press("Enter");
  await page.locator(".item", { hasText: "Milk" }).waitFor();
  await page.waitForFunction(() => document.querySelector("#item").value === "");
  await live.text("#new button", "Add");
  assert.deepEqual(sent(), [["add", { name: "Milk" }]]);
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => document.activeElement.id === "search");
});

test("the menu opens and closes without asking the server", async () => {
  const menu = page.locator("#actions");
  await page.click("#menu");
  await menu.waitFor({ state: "visible" });
  await page.click("h1");
  await menu.waitFor({ state: "hidden" });
  await page.click("#menu");
  await menu.waitFor({ state: "visible" });
  await page.keyboard.press("Escape");
  await menu.waitFor({ state: "hidden" });
  assert.deepEqual(sent(), []);
});

test("what is bought shows at once, and a locked list takes it back", async () => {
  await page.check("#bought-2");
  await page.locator("#item-2.bought").waitFor();
  await live.text("#total", "1 of 3 bought");
  await page.click("#menu");
  await page.click("#lock");
  await page.locator("#locked").waitFor();
  await page.evaluate(() => {
    window.seen = [];
    new MutationObserver(() => window.seen.push(document.querySelector("#item-1").className)).observe(
      document.querySelector("#item-1"),
      { attributes: true },
    );
  });
  await page.click("#bought-1");
  await page.waitForFunction(() => window.seen.includes("item bought") && window.seen.at(-1) === "item");
  await page.locator("#item-2.bought").waitFor();
  await live.text("#total", "1 of 3 bought");
});

test("a search waits for a pause, and the hook sees what the server changed", async () => {
  await page.evaluate(() => {
    const { animate } = Element.prototype;
    window.flashed = [];
    Element.prototype.animate = function (...args) {
      window.flashed.push(this.id);
      return animate.apply(this, args);
    };
  });
  await page.locator("#search").pressSequentially("to", { delay: 10 });
  await page.waitForFunction(() => document.querySelectorAll(".item").length === 1);
  assert.deepEqual(sent(), [["search", { search: "to" }]]);
  assert.deepEqual(await page.evaluate(() => window.flashed), []);
  await page.check("#bought-3");
  await live.text("#total", "1 of 3 bought");
  assert.deepEqual(await page.evaluate(() => window.flashed), ["total"]);
});

test("nothing overflows on a phone", async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.fill("#item", "A_long_name_without_any_place_to_break_it_".repeat(2).slice(0, 60));
  await page.press("#item", "Enter");
  await page.locator("#item-4").waitFor();
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.equal(wide, 390);
  if (process.env.SCREENSHOTS) {
    await page.screenshot({ path: `${process.env.SCREENSHOTS}/shopping-phone.png`, fullPage: true });
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.click("#menu");
    await page.screenshot({ path: `${process.env.SCREENSHOTS}/shopping-desktop.png`, fullPage: true });
  }
});
