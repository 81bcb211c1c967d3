//! The dashboard in a browser without JavaScript: forms and buttons work by POST, redirect and GET.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { launch } from "../support/browser.mjs";
import { Server } from "../support/server.mjs";

let server, browser, context, page, problems;

before(async () => {
  [server, browser] = await Promise.all([Server.start("dashboard"), launch()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});
beforeEach(async () => {
  context = await browser.newContext({ javaScriptEnabled: false });
  page = await context.newPage();
  problems = [];
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  await page.goto(server.address);
});
afterEach(async () => {
  await context.close();
  assert.deepEqual(problems, []);
});

const session = () => page.textContent("#session-info");
const task = (title) => page.locator(".task", { has: page.locator("label", { hasText: title }) });
/** Does something that sends a form, and waits for the page that comes back. */
const send = async (act) => {
  const loaded = page.waitForEvent("load");
  await act();
  await loaded;
  assert.equal(new URL(page.url()).pathname + new URL(page.url()).search, "/");
};

test("scripts are off indeed", async () => {
  assert.equal(await page.locator("html[data-statetemplate]").count(), 0);
  assert.ok(await page.locator("noscript button").first().isVisible());
});

test("a task is added, toggled, edited and deleted, on one session", async () => {
  const before = await session();
  await page.fill("#new-title", "Without scripts & <safe>");
  await page.selectOption("#new-priority", "high");
  await send(() => page.click("#new-task button[type=submit]"));
  const added = task("Without scripts & <safe>");
  await added.waitFor();
  assert.equal(await added.getAttribute("data-priority"), "high");
  assert.equal(await page.inputValue("#new-title"), "");

  await send(() => added.locator("noscript button").click());
  assert.match(await added.getAttribute("class"), /completed/);

  await send(() => added.getByText("Edit", { exact: true }).click());
  assert.equal(await page.inputValue("#edit-title"), "Without scripts & <safe>");
  await page.fill("#edit-title", "Changed");
  await send(() => page.click("text=Save"));
  assert.match(await task("Changed").getAttribute("class"), /completed/);

  await send(() => task("Changed").getByText("Delete", { exact: true }).click());
  assert.equal(await task("Changed").count(), 0);
  assert.equal(await session(), before, "it was the same session all along");
});

test("a form that is refused comes back with its reason", async () => {
  await send(() => page.click("#new-task button[type=submit]"));
  assert.match(await page.textContent("#new-error"), /title/i);
});

test("Enter sends a form, a double click counts once, a reload repeats nothing", async () => {
  await page.fill("#new-title", "By Enter");
  await send(() => page.press("#new-title", "Enter"));
  assert.equal(await task("By Enter").count(), 1);

  const counter = Number(await page.textContent("#counter-display"));
  await send(() => page.dblclick("#increment"));
  await page.waitForLoadState("networkidle");
  assert.equal(Number(await page.textContent("#counter-display")), counter + 1);
  await send(() => page.click("#increment"));
  assert.equal(Number(await page.textContent("#counter-display")), counter + 2);

  const before = await session();
  await page.reload();
  assert.notEqual(await session(), before, "a reload starts afresh, as with scripts");
});

test("two tabs have their own sessions", async () => {
  const other = await context.newPage();
  await other.goto(server.address);
  await send(() => page.click("#increment"));
  await page.fill("#new-title", "In the first tab");
  await send(() => page.press("#new-title", "Enter"));
  const loaded = other.waitForEvent("load");
  await other.click("#decrement");
  await loaded;
  assert.equal(await other.locator(".task label", { hasText: "In the first tab" }).count(), 0);
  assert.equal(await task("In the first tab").count(), 1);
});

test("the back button leads to a page that works", async () => {
  await send(() => page.click("#increment"));
  await page.goBack().catch(() => {});
  await page.goto(server.address);
  await send(() => page.click("#increment"));
  assert.equal(await page.textContent("#counter-display"), "4");
});

test("a page whose session has ended says so, and leads to a new one", async () => {
  const action = await page.getAttribute("#new-task", "action");
  const other = await browser.newContext({ javaScriptEnabled: false });
  const thief = await other.newPage();
  await thief.goto(server.address);
  // The first to send something from a page owns it.
  await send(() => page.click("#increment"));
  const answer = await other.request.post(new URL(action, server.address).href, {
    form: { title: "Stolen" },
    headers: { origin: server.address },
  });
  assert.equal(answer.status(), 410);
  assert.match(await answer.text(), /expired/);
  await other.close();
});
