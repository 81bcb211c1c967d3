//! Sockets die, networks fail and servers restart: the page comes back and is right.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { LivePage, launch } from "../support/browser.mjs";
import { Proxy } from "../support/proxy.mjs";
import { Server } from "../support/server.mjs";

let server, browser, proxy, context, live, page;

before(async () => {
  [server, browser] = await Promise.all([Server.start("dashboard"), launch()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});
beforeEach(async () => {
  proxy = await Proxy.before(server.port);
  context = await browser.newContext();
  live = await LivePage.open(context, proxy.address);
  page = live.page;
});
afterEach(async () => {
  await context.close();
  proxy.close();
  // Chromium writes each connection that fails into the console; everything else counts.
  live.errors = live.errors.filter((error) => !/WebSocket connection to .* failed|net::ERR_/.test(error));
  live.healthy();
});

test("a killed socket comes back and the page is right again", async () => {
  await page.click("#increment");
  await live.text("#counter-display", "4");
  proxy.fail();
  await live.disconnected();
  assert.ok(await page.locator("#connection-status .when-connecting").isVisible());
  proxy.restore();
  await live.connected();
  assert.equal(live.sockets >= 2, true);
  await live.push();
  await page.click("#increment");
  await live.text("#counter-display", "5");
});

test("what is clicked without a connection happens once there is one", async () => {
  proxy.fail();
  await live.disconnected();
  await page.click("#increment");
  await page.click("#increment");
  await page.fill("#new-title", "From the tunnel");
  await page.press("#new-title", "Enter");
  proxy.restore();
  await live.text("#counter-display", "5");
  await page.locator(".task label", { hasText: "From the tunnel" }).waitFor();
  assert.equal(await page.locator(".task").count(), 7);
});

test("an action whose answer is lost takes effect exactly once", async () => {
  for (let expected = 4; expected <= 7; expected += 1) {
    const begun = live.frames.length;
    proxy.loseAnswers();
    await page.click("#increment");
    await live.frame((frames) => frames.slice(begun).some(({ sent }) => sent?.[1] === "increment_counter"));
    // The server has acted by now, or will before it sees the connection end.
    await new Promise((resolve) => setTimeout(resolve, 100));
    proxy.fail();
    await live.disconnected();
    proxy.restore();
    await live.text("#counter-display", String(expected));
    await live.connected();
    const numbers = live.frames.filter(({ sent }) => sent?.[1] === "increment_counter").map(({ sent }) => sent[0]);
    assert.equal(new Set(numbers).size, expected - 3, "the repeat has the number of the original");
  }
  assert.deepEqual(await page.locator("#counter-history li b").allTextContents(), ["7", "6", "5", "4"]);
});

test("a page that slept through many changes shows the last of them", async () => {
  proxy.fail();
  await live.disconnected();
  const before = await page.textContent("#stat-revenue .value");
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  assert.equal(await page.textContent("#stat-revenue .value"), before, "nothing moves without a connection");
  proxy.restore();
  await live.connected();
  await live.push();
  assert.notEqual(await page.textContent("#stat-revenue .value"), before);
});

test("a page whose session is gone says so", async () => {
  const short = await Server.start("dashboard");
  const { port } = short;
  const forgotten = await LivePage.open(context, short.address);
  assert.equal(await short.stop(), 0, "an open socket does not hold up the end");
  await forgotten.disconnected();
  const again = await Server.start("dashboard", port);
  try {
    await forgotten.page.locator('html[data-statetemplate="expired"]').waitFor({ state: "attached" });
    assert.ok(await forgotten.page.locator(".expired-note").isVisible());
    assert.ok(await forgotten.page.locator("#connection-status .when-expired").isVisible());
    await forgotten.page.click(".expired-note a");
    await forgotten.connected();
    await forgotten.push();
  } finally {
    await forgotten.page.close();
    await again.stop();
  }
});
