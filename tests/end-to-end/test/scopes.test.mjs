//! Scopes in real tabs: reloads, new and duplicated tabs, the history, and actions that wait.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { LivePage, launch } from "../support/browser.mjs";
import { Proxy } from "../support/proxy.mjs";
import { Server } from "../support/server.mjs";

let server, browser, context, pages;

before(async () => {
  [server, browser] = await Promise.all([Server.start("statetemplate-end-to-end"), launch()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});
beforeEach(async () => {
  context = await browser.newContext();
  pages = [];
});
afterEach(async () => {
  await context.close();
  for (const live of pages) live.healthy();
});

async function open(path, address = server.address) {
  const live = await LivePage.open(context, address + path);
  pages.push(live);
  return live;
}

async function note(live, line) {
  await live.page.fill("input", line);
  await live.page.press("input", "Enter");
}

const lines = (live) => live.page.locator("li").allTextContents();

/** Waits until the page shows these lines, and these alone. */
async function shows(live, ...expected) {
  await live.text("ul", expected.join(""));
  assert.deepEqual(await lines(live), expected);
}

test("a reload goes on with the tab's session, and shows nothing else in between", async () => {
  const live = await open("/tab");
  await note(live, "second");
  await shows(live, "first", "second");
  for (let round = 0; round < 3; round += 1) {
    // What the server sends is what the session has: the page need not be changed once it is there.
    const [response] = await Promise.all([live.page.waitForResponse(/\/tab$/), live.page.reload()]);
    assert.match(await response.text(), /second/);
    await live.connected();
    await shows(live, "first", "second");
  }
  await note(live, "third");
  await shows(live, "first", "second", "third");
});

test("tabs have sessions of their own", async () => {
  const [one, two] = [await open("/tab"), await open("/tab")];
  await note(one, "of one");
  await shows(one, "first", "of one");
  await two.page.reload();
  await two.connected();
  await shows(two, "first");
  await one.page.reload();
  await one.connected();
  await shows(one, "first", "of one");
});

test("a duplicated tab begins a session of its own", async () => {
  const one = await open("/tab");
  await note(one, "of one");
  await shows(one, "first", "of one");
  // A page that is opened with its opener has a copy of its storage, as a duplicated tab has.
  const [popup] = await Promise.all([context.waitForEvent("page"), one.page.evaluate(() => void window.open("/tab"))]);
  const two = new LivePage(popup);
  pages.push(two);
  await two.connected();
  assert.match(await popup.evaluate(() => JSON.stringify(sessionStorage)), /statetemplate/);
  await shows(two, "first");
  await note(two, "of two");
  await shows(two, "first", "of two");
  await one.page.reload();
  await one.connected();
  await shows(one, "first", "of one");
  await two.page.reload();
  await two.connected();
  await shows(two, "first", "of two");
});

test("the word of one tab is not another's", async () => {
  const one = await open("/tab");
  await note(one, "of one");
  await shows(one, "first", "of one");
  const session = await one.page.getAttribute("script[data-page]", "data-page");
  await context.addCookies([{ name: "statetemplate_tab", value: session, url: server.address }]);
  const two = await open("/tab");
  await shows(two, "first");
  await note(two, "of two");
  await shows(two, "first", "of two");
  await shows(one, "first", "of one");
});

test("coming back to the page in the same tab finds its session", async () => {
  const live = await open("/tab");
  await note(live, "second");
  await shows(live, "first", "second");
  await live.page.click("a[href='/browser']");
  await live.page.waitForFunction(() => document.title === "Browser");
  await live.connected();
  await live.page.click("a[href='/tab']");
  await live.page.waitForFunction(() => document.title === "Tab");
  await shows(live, "first", "second");
  await note(live, "third");
  await shows(live, "first", "second", "third");
  // The document from before, if the browser has kept it, is behind by a line.
  await live.page.goBack();
  await live.page.goBack();
  await live.page.waitForFunction(() => document.title === "Tab");
  await shows(live, "first", "second", "third");
  await note(live, "fourth");
  await shows(live, "first", "second", "third", "fourth");
});

for (const path of ["/tab", "/browser"]) {
  test(`what waits for a connection survives a reload and happens once: ${path}`, async () => {
    const proxy = await Proxy.before(server.port);
    try {
      const live = await open(path, proxy.address);
      await note(live, "second");
      await shows(live, "first", "second");
      // The first of two is carried out, and its answer is lost.
      proxy.loseAnswers();
      await note(live, "third");
      await live.frame((frames) => frames.some(({ sent }) => sent?.[2]?.line === "third"));
      await new Promise((resolve) => setTimeout(resolve, 100));
      proxy.fail();
      await live.disconnected();
      await note(live, "fourth");
      await note(live, "fifth");
      proxy.restore();
      await live.page.reload();
      await live.connected();
      await shows(live, "first", "second", "third", "fourth", "fifth");
      await live.page.close();
      live.errors = live.errors.filter((error) => !/WebSocket connection to .* failed|net::ERR_/.test(error));
    } finally {
      proxy.close();
    }
  });
}

test("all tabs of a browser share one session", async () => {
  const [one, two] = [await open("/browser"), await open("/browser")];
  await note(one, "of one");
  await shows(two, "first", "of one");
  await note(two, "of two");
  await shows(one, "first", "of one", "of two");
  await two.page.reload();
  await two.connected();
  await shows(two, "first", "of one", "of two");
  const elsewhere = await browser.newContext();
  const stranger = await LivePage.open(elsewhere, `${server.address}/browser`);
  await shows(stranger, "first");
  await elsewhere.close();
});
