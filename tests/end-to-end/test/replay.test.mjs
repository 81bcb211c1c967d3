//! The replay oracle in Chromium: after every step of the workload the page equals a fresh render of its data.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { LivePage, launch } from "../support/browser.mjs";
import { Server } from "../support/server.mjs";

let server, browser, context, live, steps;

before(async () => {
  [server, browser] = await Promise.all([Server.start("statetemplate-end-to-end"), launch()]);
  steps = await (await fetch(`${server.address}/steps`)).json();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});
beforeEach(async () => {
  context = await browser.newContext();
  live = await LivePage.open(context, server.address);
});
afterEach(async () => {
  await context.close();
  live.healthy();
});

/** Goes to a step by an action, and compares the page with what plain minijinja makes of the step's data. */
async function go(to) {
  await live.page.evaluate((to) => StateTemplate.sendUpdate("step", { to }), to);
  return live.page.evaluate(async (to) => {
    const marks = new Set(["t", "o", "i", "l", "r", "q", "/"]);
    const normalised = (root) => {
      const copy = root.cloneNode(true);
      const owner = copy.ownerDocument;
      const comments = owner.createTreeWalker(copy, NodeFilter.SHOW_COMMENT);
      const found = [];
      while (comments.nextNode()) if (marks.has(comments.currentNode.data)) found.push(comments.currentNode);
      for (const comment of found) comment.remove();
      for (const element of copy.querySelectorAll("[st]")) element.removeAttribute("st");
      for (const script of copy.querySelectorAll("script[data-page]")) script.remove();
      copy.removeAttribute("data-statetemplate");
      copy.classList.remove("st-connected");
      if (!copy.classList.length) copy.removeAttribute("class");
      copy.removeAttribute("st");
      // The order of attributes means nothing, and an attribute that came later stands last.
      for (const element of copy.querySelectorAll("*")) {
        // A style is set through the object model, which pages with strict policies allow: it reads as the browser writes it.
        if (element.getAttribute("style")) element.style.cssText = element.getAttribute("style");
        const attributes = [...element.attributes].map(({ name, value }) => [name, value]).sort();
        for (const [name] of attributes) element.removeAttribute(name);
        for (const [name, value] of attributes) element.setAttribute(name, value);
      }
      copy.normalize();
      return copy.outerHTML;
    };
    const html = await (await fetch(`/plain/${to}`)).text();
    const fresh = new DOMParser().parseFromString(html, "text/html");
    return { shown: normalised(document.documentElement), expected: normalised(fresh.documentElement) };
  }, to);
}

/** Fails where two texts differ first, instead of printing 60 KB of each. */
function same({ shown, expected }, step) {
  if (shown === expected) return;
  let at = 0;
  while (shown[at] === expected[at]) at += 1;
  const near = (text) => text.slice(Math.max(0, at - 80), at + 120);
  assert.fail(`after ${step} the page differs:\n shown:    ${near(shown)}\n expected: ${near(expected)}`);
}

test("each step of the workload", async () => {
  assert.equal(steps.length, 30);
  for (const [to, name] of steps.entries()) same(await go(to), name);
  const refreshes = live.frames.filter(({ received }) => received?.[0] === "f");
  assert.deepEqual(refreshes, [], "patches, not refreshes");
});

test("random jumps between the steps", async () => {
  let state = 20240817;
  const random = () => (state = (state * 1103515245 + 12345) % 2 ** 31) / 2 ** 31;
  let from = "initial";
  for (let jumps = 0; jumps < 60; jumps += 1) {
    const to = Math.floor(random() * steps.length);
    same(await go(to), `${from} -> ${steps[to]}`);
    from = steps[to];
  }
});
