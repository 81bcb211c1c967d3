//! Networks without WebSockets: the page is live over HTTP, and goes back to a socket when it can.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { LivePage, launch } from "../support/browser.mjs";
import { Proxy } from "../support/proxy.mjs";
import { Server } from "../support/server.mjs";

let server, browser, proxy, context, live, page, requests;

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
});
afterEach(async () => {
  await context.close();
  proxy.close();
  // Chromium writes what does not connect into the console; everything else counts.
  live.errors = live.errors.filter((error) => !/WebSocket connection to .* failed|net::ERR_/.test(error));
  live.healthy();
});

async function open() {
  live = new LivePage(await context.newPage());
  page = live.page;
  requests = [];
  page.on("request", (request) => {
    if (request.url().endsWith("/_statetemplate/stream")) requests.push(request);
  });
  await page.goto(proxy.address);
}

/** Waits for a change that the server makes by itself. */
async function push() {
  const before = await page.textContent("#last-update");
  await page.waitForFunction((before) => document.querySelector("#last-update").textContent !== before, before);
}

for (const fate of ["refuse", "cut"]) {
  test(`a page whose sockets are ${fate === "cut" ? "cut when they open" : "refused"} is live all the same`, async () => {
    proxy.sockets(fate);
    await open();
    await live.connected();
    assert.ok(live.sockets >= 2, "sockets were tried first");
    await push();
    await page.click("#increment");
    await live.text("#counter-display", "4");
    for (const title of ["One", "Two", "Three"]) {
      await page.fill("#new-title", title);
      await page.press("#new-title", "Enter");
      await page.locator(".task label", { hasText: title }).waitFor();
    }
    assert.equal(await page.locator(".task").count(), 9);
    const [opening, ...rest] = requests;
    assert.equal(JSON.parse(opening.postData())[0], "j");
    const sent = rest.flatMap((request) => (request.postData() ?? "").split("\n"));
    assert.ok(sent.some((frame) => frame.includes("increment_counter")));
  });
}

test("what is clicked before a stream is open happens once it is, and once", async () => {
  proxy.sockets("refuse");
  await open();
  await page.click("#increment");
  await page.click("#increment");
  await live.text("#counter-display", "5");
  await push();
  await live.text("#counter-display", "5");
});

test("a stream that breaks comes back, and an action whose answer was lost takes effect once", async () => {
  proxy.sockets("refuse");
  await open();
  await live.connected();
  await push();
  for (let expected = 4; expected <= 6; expected += 1) {
    // Requests go one after the other: the action's must not wait for the answer to one before it.
    await page.waitForResponse((response) => response.request().headers()["statetemplate-stream"] !== undefined);
    proxy.loseAnswers();
    const sent = page.waitForRequest((request) => (request.postData() ?? "").includes("increment_counter"));
    await page.click("#increment");
    await sent;
    await new Promise((resolve) => setTimeout(resolve, 100));
    proxy.fail();
    await live.disconnected();
    proxy.restore();
    // The back-off has grown by then, and sockets are tried in turn with streams.
    await page.locator("#counter-display", { hasText: String(expected) }).waitFor();
    await live.connected();
  }
  assert.deepEqual(await page.locator("#counter-history li b").allTextContents(), ["6", "5", "4"]);
});

test("a page goes back to a socket when sockets work again", async () => {
  proxy.sockets("refuse");
  await page_with_clock();
  await live.connected();
  const tried = live.sockets;
  proxy.sockets("pass");
  // Second by second: answers take real time, and a page that hears none of them gives its connection up.
  for (let seconds = 0; seconds < 65; seconds += 1) {
    await page.clock.runFor(1_000);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  await live.frame((frames) => frames.some(({ received }) => received?.[0] === "j"), "the join over a socket");
  assert.ok(live.sockets >= tried + 2, "one to see whether they work, and one to stay");
  await page.click("#increment");
  await live.text("#counter-display", "4");
  await live.frame((frames) => frames.some(({ sent }) => sent?.[1] === "increment_counter"), "the action over the socket");
});

/** A page whose timers the test moves. */
async function page_with_clock() {
  live = new LivePage(await context.newPage());
  page = live.page;
  await page.clock.install();
  await page.goto(proxy.address);
  for (let tries = 0; tries < 20 && (await page.getAttribute("html", "data-statetemplate")) !== "connected"; tries += 1) {
    await page.clock.runFor(500);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
