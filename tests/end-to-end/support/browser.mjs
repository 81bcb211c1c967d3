//! Chromium, and pages that note every frame and everything that goes wrong.

import assert from "node:assert/strict";
import { inflateRawSync } from "node:zlib";
import { chromium } from "playwright-core";

/** Starts the Chromium that `CHROMIUM` names (default: Debian's). */
export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** The text of a frame, which is deflated when it is binary. */
const text = (payload) => (typeof payload === "string" ? payload : inflateRawSync(payload).toString());

/** True once the client has its extras: it loads the morph when they are at work. */
export const hasExtras = () => performance.getEntriesByType("resource").some(({ name }) => name.endsWith("/morph.js"));

/** A live page in a tab. */
export class LivePage {
  /** Uncaught errors, error messages of the console and violations of the security policy. */
  errors = [];
  /** Every frame: `{ sent: [...] }` or `{ received: [...] }`, in their order. */
  frames = [];
  /** How many sockets the page has opened. */
  sockets = 0;

  constructor(page) {
    this.page = page;
    page.on("pageerror", (error) => this.errors.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error") this.errors.push(message.text());
    });
    page.on("websocket", (socket) => {
      this.sockets += 1;
      socket.on("framesent", ({ payload }) => this.frames.push({ sent: JSON.parse(payload) }));
      socket.on("framereceived", ({ payload }) => this.frames.push({ received: JSON.parse(text(payload)) }));
    });
  }

  /** Opens `address` in a new tab of `context` and waits until the page is live. */
  static async open(context, address) {
    const live = new LivePage(await context.newPage());
    await live.page.goto(address);
    await live.connected();
    return live;
  }

  async connected() {
    await this.page.locator('html[data-statetemplate="connected"]').waitFor({ state: "attached" });
  }

  async disconnected() {
    await this.page.locator('html[data-statetemplate="disconnected"]').waitFor({ state: "attached" });
  }

  /** Waits until the page has what it loads when it is idle: the extras hear of the network, and of being left and frozen. */
  async idle() {
    await this.page.waitForFunction(hasExtras);
  }

  /**
   * Gives the network to the page or takes it away, and sees to it that the page hears of it: a browser that takes itself for
   * offline all along, as on a machine with nothing but a loopback interface, does not tell.
   */
  async network(online) {
    await this.idle();
    const heard = this.page.evaluate(
      (type) =>
        new Promise((resolve) => {
          const telling = setTimeout(() => dispatchEvent(new Event(type)), 1_000);
          const hear = () => {
            clearTimeout(telling);
            resolve();
          };
          addEventListener(type, hear, { once: true });
        }),
      online ? "online" : "offline",
    );
    await this.page.context().setOffline(!online);
    await heard;
  }

  /** Waits until `check` gives something true for the page's frames, and returns it. */
  async frame(check, what = "the frame") {
    for (let waited = 0; waited < 10_000; waited += 20) {
      const found = check(this.frames);
      if (found) return found;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.fail(`${what} did not come; the last frames: ${JSON.stringify(this.frames.slice(-5))}`);
  }

  /** Waits until the server has pushed another change of its own. */
  async push() {
    const seen = this.frames.length;
    const isPatch = (frame) => typeof frame[0] === "number" && frame.length === 2;
    const isPush = ({ received }) => received && (isPatch(received) || received[0] === "f");
    await this.frame((frames) => frames.slice(seen).some(isPush), "a push");
    // The frame was on the wire; the page applies it before the next of its tasks.
    await this.page.evaluate(() => new Promise((resolve) => setTimeout(resolve)));
  }

  /** The text of an element once it is `expected`; fails with what it is after 5 seconds. */
  async text(selector, expected) {
    let text;
    for (let waited = 0; waited < 5_000; waited += 20) {
      text = (await this.page.locator(selector).textContent()).replace(/\s+/g, " ").trim();
      if (expected instanceof RegExp ? expected.test(text) : text === expected) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.fail(`${selector} says ${JSON.stringify(text)}, not ${JSON.stringify(String(expected))}`);
  }

  /** Fails if anything went wrong on the page. */
  healthy() {
    assert.deepEqual(this.errors, []);
  }
}
