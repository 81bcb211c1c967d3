//! Pages that are left and come back, frozen, asleep, in the background or offline: they are right again at once.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { chromium } from "playwright-core";
import { hasExtras, LivePage } from "../support/browser.mjs";
import { Proxy } from "../support/proxy.mjs";
import { Server } from "../support/server.mjs";

let server, browser, proxy, context, live, page;

before(async () => {
  server = await Server.start("dashboard");
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    // Playwright turns the back-forward cache off; these tests are about it.
    ignoreDefaultArgs: ["--disable-back-forward-cache"],
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--enable-features=BackForwardCache",
    ],
  });
});
after(async () => {
  await browser?.close();
  await server?.stop();
});
beforeEach(async () => {
  proxy = await Proxy.before(server.port);
  context = await browser.newContext();
  live = await LivePage.open(context, proxy.address);
  await live.idle();
  page = live.page;
});
afterEach(async () => {
  await context.close();
  proxy.close();
  live.errors = live.errors.filter((error) => !/WebSocket connection to .* failed|net::ERR_/.test(error));
  live.healthy();
});

/** Waits until so many sockets are open. */
async function sockets(number) {
  for (let waited = 0; waited < 10_000; waited += 20) {
    if (proxy.openSockets === number) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail(`${proxy.openSockets} sockets are open, not ${number}`);
}

test("a page in the back-forward cache holds no socket, and goes on when the person returns", async () => {
  await page.fill("#new-title", "typed before");
  await page.click("#increment");
  await live.text("#counter-display", "4");
  await page.evaluate(() => {
    window.mark = "the same document";
    addEventListener("pageshow", ({ persisted }) => (window.persisted = persisted));
  });
  const session = await page.textContent("#session-info");
  const revenue = await page.textContent("#stat-revenue .value");
  await page.goto(`${proxy.address}/static/icon.svg`);
  await sockets(0);
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  // Not `goBack()`: that waits for a load, and there is none.
  await page.evaluate(() => history.back());
  await page.waitForURL(`${proxy.address}/`, { waitUntil: "commit" });
  assert.deepEqual(await page.evaluate(() => [window.mark, window.persisted]), ["the same document", true]);
  await live.connected();
  await page.waitForFunction((old) => document.querySelector("#stat-revenue .value").textContent !== old, revenue);
  await sockets(1);
  // The picture that the person looked at meanwhile has no icon.
  live.errors = live.errors.filter((error) => !error.includes("404"));
  assert.equal(await page.textContent("#session-info"), session);
  assert.equal(await page.inputValue("#new-title"), "typed before");
  await page.click("#increment");
  await live.text("#counter-display", "5");
});

test("a frozen page lets go of its socket and is right when it goes on", async () => {
  await page.close();
  const tab = await Tab.open(browser, proxy.address);
  await tab.until(`document.documentElement.classList.contains("st-connected")`);
  await tab.until(`(${hasExtras})()`);
  const revenue = await tab.evaluate(`document.querySelector("#stat-revenue .value").textContent`);
  await tab.send("Page.setWebLifecycleState", { state: "frozen" });
  await sockets(0);
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  await tab.send("Page.setWebLifecycleState", { state: "active" });
  await tab.until(`document.documentElement.classList.contains("st-connected")`);
  await tab.until(`document.querySelector("#stat-revenue .value").textContent !== ${JSON.stringify(revenue)}`);
  await sockets(1);
  await tab.close();
});

test("a page that loses the network says so at once, and comes back with it", async () => {
  await live.network(false);
  await live.disconnected();
  await page.click("#increment");
  await live.network(true);
  await live.connected();
  await live.text("#counter-display", "4");
});

test("a page that wakes with a dead socket notices within seconds", async () => {
  // What a laptop finds that slept: the socket seems open, and nothing comes through.
  await page.evaluate(() => {
    window.reason = "";
    document.addEventListener("statetemplate:disconnected", ({ detail }) => (window.reason = detail.reason));
  });
  proxy.swallow();
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await live.frame((frames) => frames.some(({ sent }) => sent?.[0] === "p"), "the question whether anybody is there");
  await page.waitForFunction(() => window.reason === "no answer");
  await live.connected();
  await live.push();
});

test("a hidden page goes on, and is live when it is looked at again", async () => {
  const other = await context.newPage();
  await other.bringToFront();
  await live.push();
  await page.bringToFront();
  await page.click("#increment");
  await live.text("#counter-display", "4");
  assert.equal(live.sockets, 1, "on the same socket");
});

/** A tab that Playwright does not know: it keeps those that it knows visible and in focus, and so from being frozen. */
class Tab {
  #answers = new Map();
  #last = 0;

  static async open(browser, address) {
    const tab = new Tab();
    tab.browser = await browser.newBrowserCDPSession();
    const { targetId } = await tab.browser.send("Target.createTarget", { url: "about:blank" });
    tab.target = targetId;
    ({ sessionId: tab.session } = await tab.browser.send("Target.attachToTarget", { targetId, flatten: false }));
    tab.browser.on("Target.receivedMessageFromTarget", ({ message }) => {
      const { id, result, error } = JSON.parse(message);
      const answer = tab.#answers.get(id);
      tab.#answers.delete(id);
      if (error) answer?.reject(new Error(error.message));
      else answer?.resolve(result);
    });
    await tab.send("Page.navigate", { url: address });
    return tab;
  }

  send(method, params = {}) {
    const id = ++this.#last;
    const message = JSON.stringify({ id, method, params });
    const answer = new Promise((resolve, reject) => this.#answers.set(id, { resolve, reject }));
    return this.browser.send("Target.sendMessageToTarget", { sessionId: this.session, message }).then(() => answer);
  }

  async evaluate(expression) {
    const { result } = await this.send("Runtime.evaluate", { expression });
    return result.value;
  }

  async until(expression) {
    for (let waited = 0; waited < 10_000; waited += 50) {
      if ((await this.evaluate(expression)) === true) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.fail(`${expression} did not come true`);
  }

  close() {
    return this.browser.send("Target.closeTarget", { targetId: this.target });
  }
}
