//! Everything a person can do on the dashboard, in Chromium.

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
  assert.equal(await server?.stop(), 0, "the server ends well when asked to");
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

const task = (title) => page.locator(".task", { hasText: title });

test("the page shows who is there, and when", async () => {
  assert.equal(await page.title(), "Acme - Dashboard");
  await live.text("h1", "Welcome, Ada Lovelace!");
  await live.text("#admin-badge", "Admin User");
  await live.text(".who p", /^Last login: [A-Z][a-z]{2} \d{1,2}, \d{4} \d{1,2}:\d\d [AP]M$/);
  await live.text("#notification-count", "3 new notifications");
  await live.text("#connection-status .when-connected", "Connected");
  assert.ok(await page.locator("#connection-status .when-connected").isVisible());
  assert.ok(!(await page.locator("#connection-status .when-connecting").isVisible()));
  await live.text("#last-update", /^\d{1,2}:\d\d:\d\d [AP]M$/);
  const session = await page.locator("script[data-page]").getAttribute("data-page");
  await live.text("#session-info", session);
});

test("the statistics move by themselves", async () => {
  await live.text("#stat-revenue .value", /^\$\d{2},\d{3}\.\d\d$/);
  await live.text("#stat-orders .value", /^\d,\d{3}$/);
  await live.text("#stat-conversion .value", /^\d\.\d\d%$/);
  await live.text("#stat-revenue .change", /^[↗↘→] -?\d+\.\d% from last period$/);
  const values = () => page.locator(".stat .value, #last-update").allTextContents();
  const charts = () => page.locator(".chart polyline").evaluateAll((lines) => lines.map((l) => l.getAttribute("points")));
  const [earlier, drawn] = [await values(), await charts()];
  await live.push();
  const [later, drawnLater] = [await values(), await charts()];
  assert.notEqual(later.at(-1), earlier.at(-1), "the time of the last update");
  assert.notEqual(later[2], earlier[2], "the revenue");
  for (const [at, points] of drawnLater.entries()) assert.notEqual(points, drawn[at]);
});

test("a click arrives within one round trip", async () => {
  // The first click also brings what the history's rows look like, once for this browser.
  await page.click("#increment");
  await live.text("#counter-display", "4");
  // Right after a push there is time before the next one, so that no other frame comes between.
  await live.push();
  const begun = live.frames.length;
  await page.click("#increment");
  await live.text("#counter-display", "5");
  const frames = live.frames.slice(begun).filter(({ sent }) => sent?.[0] !== "a" && sent?.[0] !== "k");
  assert.equal(frames.length, 2, JSON.stringify(frames));
  assert.deepEqual(frames[0], { sent: [2, "increment_counter", {}] });
  const [revision, patch, answers] = frames[1].received;
  assert.equal(typeof revision, "number");
  assert.ok(Object.values(patch).includes("5"), JSON.stringify(patch));
  assert.equal(answers, 2);
});

test("the counter stops at its limits and keeps a history", async () => {
  const display = (value) => live.text("#counter-display", String(value));
  assert.equal(await page.locator("#counter-history").count(), 0);
  await display(3);
  for (let value = 4; value <= 10; value += 1) {
    await page.click("#increment");
    await display(value);
  }
  await live.text("#increment", "Increment (Max Reached)");
  assert.ok(await page.locator("#increment").isDisabled());
  const history = () => page.locator("#counter-history li b").allTextContents();
  assert.deepEqual(await history(), ["10", "9", "8", "7", "6"]);

  await page.click("#reset");
  await display(0);
  await live.text("#decrement", "Decrement (Min Reached)");
  assert.ok(await page.locator("#decrement").isDisabled());
  assert.ok(await page.locator("#increment").isEnabled());
  await live.text("#increment", "Increment");
  await live.text("#counter-history li:first-child span", /^Reset at \d{1,2}:\d\d:\d\d [AP]M$/);
  await page.click("#increment");
  await display(1);
  await page.click("#decrement");
  await display(0);
  assert.deepEqual(await history(), ["0", "1", "0", "10", "9"]);
});

test("a task is added by the form, which is empty afterwards", async () => {
  await page.fill("#new-title", "Water the <plants> & \"trees\"");
  await page.selectOption("#new-priority", "high");
  await page.fill("#new-due", "2020-02-29");
  await page.fill("#new-description", "Before noon");
  await page.press("#new-description", "Enter");
  const added = task("Water the <plants>");
  await added.waitFor();
  assert.equal(await page.locator(".task").first().locator("label").textContent(), "Water the <plants> & \"trees\"");
  assert.match(await added.locator(".task-facts").textContent(), /High\s*Due: Feb 29 \(Overdue!\)/);
  assert.equal(await added.locator(".muted").textContent(), "Before noon");
  await live.text("#tasks-section h2", "Tasks (7 total)");
  for (const field of ["#new-title", "#new-due", "#new-description"]) assert.equal(await page.inputValue(field), "");
  assert.equal(await page.inputValue("#new-priority"), "medium");
});

test("a form that is no task says why and keeps what was typed", async () => {
  await page.fill("#new-description", "no title");
  await page.click("#new-task [type=submit]");
  await live.text("#new-error", "A task needs a title.");
  assert.equal(await page.inputValue("#new-description"), "no title");
  assert.equal(await page.getAttribute("#new-title", "aria-invalid"), "true");

  await page.fill("#new-title", "x".repeat(81));
  await page.click("#new-task [type=submit]");
  await live.text("#new-error", "A title has at most 80 characters; this one has 81.");
  assert.equal(await page.inputValue("#new-title"), "x".repeat(81));

  await page.fill("#new-title", "Short enough");
  await page.click("#new-task [type=submit]");
  await task("Short enough").waitFor();
  assert.equal(await page.locator("#new-error").count(), 0);
  assert.equal(await page.getAttribute("#new-title", "aria-invalid"), null);
});

test("a task is edited in its place", async () => {
  await task("Order new chairs").getByText("Edit").click();
  await page.locator("#edit-title").waitFor();
  assert.equal(await page.inputValue("#edit-title"), "Order new chairs");
  assert.equal(await page.inputValue("#edit-priority"), "low");
  await page.fill("#edit-title", "Order ten chairs");
  await page.selectOption("#edit-priority", "medium");
  await page.locator(".task").getByText("Save").click();
  await task("Order ten chairs").locator("label").waitFor();
  assert.equal(await page.locator("#edit-title").count(), 0);
  await live.text("#task-4 .priority", "Med");
  const order = await page.locator(".task label").allTextContents();
  assert.equal(order[3], "Order ten chairs");

  await task("Order ten chairs").getByText("Edit").click();
  await page.fill("#edit-title", "");
  await page.press("#edit-title", "Enter");
  await live.text("#edit-error", "A task needs a title.");
  await page.getByText("Cancel").click();
  await task("Order ten chairs").locator("label").waitFor();
});

test("what is done shows before the server knows, and Escape leaves a form", async () => {
  // A minute there and back: what shows is the page's own doing.
  await page.evaluate(() => window.StateTemplate.client.simulateLatency(60_000));
  await page.check("#task-check-3");
  await page.locator("#task-3.completed").waitFor();
  await page.getByLabel("Dismiss Deploy finished").click();
  await page.locator(".notification", { hasText: "Deploy finished" }).waitFor({ state: "hidden" });
  assert.equal(await page.locator("#task-progress").evaluate((bar) => bar.value), 2);
  await page.fill("#new-title", "Slowly added");
  await page.click("#new-task [type=submit]");
  await live.text("#new-task [type=submit]", "Adding…");
  assert.ok(await page.locator("#new-task [type=submit]").isDisabled());
  assert.equal(await page.evaluate(() => document.activeElement.id), "new-title");
  await page.evaluate(() => window.StateTemplate.client.simulateLatency(0));
  await task("Slowly added").waitFor();
  await page.locator('#task-progress[value="3"][max="7"]').waitFor();
  await live.text("#new-task [type=submit]", "Add Task");
  await live.text("#notification-count", "2 new notifications");

  await task("Order new chairs").getByText("Edit").click();
  await page.press("#edit-title", "Escape");
  await task("Order new chairs").locator("label").waitFor();
});

test("a task is completed, hidden and shown again", async () => {
  const progress = () => page.locator("#task-progress").evaluate((bar) => [bar.value, bar.max]);
  assert.deepEqual(await progress(), [2, 6]);
  await page.check("#task-check-3");
  await page.locator("#task-3.completed").waitFor();
  await page.locator('#task-progress[value="3"][max="6"]').waitFor();

  await page.click("#filter");
  await live.text("#filter", "Show All");
  assert.equal(await page.locator(".task").count(), 3);
  assert.equal(await page.locator(".task.completed").count(), 0);

  // A task that is completed while completed ones are hidden goes at once.
  await page.click("#task-check-1");
  await page.locator("#task-1").waitFor({ state: "detached" });
  await page.click("#filter");
  await live.text("#filter", "Hide Completed");
  assert.equal(await page.locator(".task").count(), 6);
  assert.ok(await page.isChecked("#task-check-1"));
  await page.uncheck("#task-check-1");
  await page.locator("#task-1:not(.completed)").waitFor();
  await live.text("#task-1 .due", /\(Overdue!\)$/);
});

test("a task is deleted when confirmed", async () => {
  const asked = [];
  let answer = false;
  page.on("dialog", (dialog) => {
    asked.push(dialog.message());
    void (answer ? dialog.accept() : dialog.dismiss());
  });
  await task("Order new chairs").getByText("Delete").click();
  assert.deepEqual(asked, ["Delete “Order new chairs”?"]);
  await live.push();
  assert.equal(await task("Order new chairs").count(), 1);
  answer = true;
  for (let left = 5; left >= 0; left -= 1) {
    await page.locator(".task").first().getByText("Delete").click();
    await live.text("#tasks-section h2", `Tasks (${left} total)`);
  }
  await live.text("#no-tasks", "No tasks yet. Add one to get started!");
  await page.fill("#new-title", "Start again");
  await page.press("#new-title", "Enter");
  await task("Start again").waitFor();
  assert.equal(await page.locator("#no-tasks").count(), 0);
});

test("notifications are dismissed one by one", async () => {
  await page.getByLabel("Dismiss Deploy finished").click();
  await live.text("#notification-count", "2 new notifications");
  assert.deepEqual(await page.locator(".notification strong").allTextContents(), [
    "Grace Hopper joined the team",
    "Payment failed",
  ]);
  await page.locator(".dismiss").first().click();
  await live.text("#notification-count", "1 new notification");
  await page.locator(".dismiss").first().click();
  await live.text("#no-notifications", "No notifications at this time.");
  assert.equal(await page.locator("#notification-count").count(), 0);
});

test("a slow action covers the page until it is done", async () => {
  const overlay = page.locator("#loading-overlay");
  assert.ok(!(await overlay.isVisible()));
  await page.click("#refresh");
  await overlay.waitFor({ state: "visible" });
  await live.text("#loading-overlay", "Fetching the latest numbers…");
  assert.ok(await page.locator("#refresh").isDisabled());
  await overlay.waitFor({ state: "hidden" });
  assert.equal(await page.locator(".notification strong").first().textContent(), "Data refreshed");
  assert.ok(await page.locator("#refresh").isEnabled());
});

test("two tabs are independent of each other", async () => {
  const other = await LivePage.open(context, server.address);
  await page.click("#increment");
  await live.text("#counter-display", "4");
  await other.push();
  await other.text("#counter-display", "3");
  await other.page.click("#decrement");
  await other.text("#counter-display", "2");
  await live.push();
  await live.text("#counter-display", "4");
  const [one, two] = await Promise.all([live, other].map(({ page }) => page.textContent("#session-info")));
  assert.notEqual(one, two);
  other.healthy();
});
