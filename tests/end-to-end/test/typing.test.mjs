//! What a person types is never lost to an update.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { LivePage, launch } from "../support/browser.mjs";
import { Server } from "../support/server.mjs";

let server, browser, context, live, page;

before(async () => {
  [server, browser] = await Promise.all([Server.start("dashboard"), launch()]);
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

/** What the focused field holds: its id, its text, and where the caret or selection is. */
const focused = () =>
  page.evaluate(() => {
    const { id, value, selectionStart, selectionEnd } = document.activeElement;
    return { id, value, selectionStart, selectionEnd };
  });

test("typing goes on while the server updates the page", async () => {
  await page.click("#new-title");
  await page.keyboard.type("Call the plumer");
  for (let back = 0; back < 2; back += 1) await page.keyboard.press("ArrowLeft");
  await live.push();
  assert.deepEqual(await focused(), { id: "new-title", value: "Call the plumer", selectionStart: 13, selectionEnd: 13 });
  await page.keyboard.type("b");
  await live.push();
  assert.deepEqual(await focused(), { id: "new-title", value: "Call the plumber", selectionStart: 14, selectionEnd: 14 });

  // Another action of the same page changes it all around the field.
  await page.evaluate(() => StateTemplate.sendUpdate("increment_counter"));
  await page.evaluate(() => StateTemplate.sendUpdate("toggle_show_completed"));
  await live.text("#counter-display", "4");
  await page.keyboard.press("Shift+Home");
  await live.push();
  assert.deepEqual(await focused(), { id: "new-title", value: "Call the plumber", selectionStart: 0, selectionEnd: 14 });
});

test("a field keeps its text when it has lost the focus", async () => {
  await page.fill("#new-title", "half a thought");
  await page.click("#increment");
  await live.text("#counter-display", "4");
  await live.push();
  assert.equal(await page.inputValue("#new-title"), "half a thought");
});

test("typing in a row goes on while rows come and go around it", async () => {
  await page.locator("#task-3").getByText("Edit").click();
  await page.click("#edit-title");
  await page.keyboard.press("End");
  await page.keyboard.type(" soon");
  const expected = { id: "edit-title", value: "Plan the autumn release soon", selectionStart: 28, selectionEnd: 28 };
  for (const [action, data] of [
    ["add_task", { title: "Above", priority: "low" }],
    ["delete_task", { task: 1 }],
    ["toggle_show_completed", {}],
    ["toggle_task", { task: 2 }],
    ["dismiss_notification", { notification: 1 }],
  ]) {
    await page.evaluate(([action, data]) => StateTemplate.sendUpdate(action, data), [action, data]);
    assert.deepEqual(await focused(), expected, action);
  }
  await page.keyboard.press("Enter");
  await page.locator("#task-3 .task-text label", { hasText: "Plan the autumn release soon" }).waitFor();
});

test("typing survives a lost connection", async () => {
  await page.click("#new-title");
  await page.keyboard.type("before");
  await live.network(false);
  await live.disconnected();
  await page.keyboard.type(" and after");
  await live.network(true);
  await live.connected();
  await live.push();
  assert.equal((await focused()).value, "before and after");
  await page.keyboard.press("Enter");
  await page.locator(".task label", { hasText: "before and after" }).waitFor();
  // The browser itself may report the lost network; that is not an error of the page.
  live.errors = live.errors.filter((error) => !/ERR_INTERNET_DISCONNECTED/.test(error));
});
