//! Hooks of a page's own code, in Chromium.

import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { launch, LivePage } from "./harness.js";

let browser: Browser;
let live: LivePage;

const HOOKS = `
  globalThis.log = [];
  StateTemplate.hooks.Chart = {
    mounted() {
      this.note = (what) => log.push(what + " " + this.el.id);
      this.note("mounted");
      this.el.append(new Text("!"));
      this.handleEvent("ping", (data) => this.note("ping " + data));
      this.el.onclick = () => this.sendUpdate("clicked", { x: 1 }).then((answer) => this.note("answer " + answer));
    },
    updated() {
      this.note("updated");
      this.el.title = "changed by the hook";
    },
    destroyed() { this.note("destroyed"); },
    disconnected() { this.note("disconnected"); },
    reconnected() { this.note("reconnected"); },
  };
  StateTemplate.hooks.Broken = { mounted() { throw new Error("broken hook"); } };
`;

const document_ = (body: string): string =>
  `<!DOCTYPE html><html><head><title>T</title></head><body>${body}<script src="/hooks.js" defer></script></body></html>`;
const open = async (body: string): Promise<void> => {
  live = await LivePage.open(browser, document_(body), { files: { "/hooks.js": HOOKS } });
  await live.ready("extras");
};
const log = (): Promise<string[]> => live.page.evaluate(() => (globalThis as unknown as { log: string[] }).log.splice(0));

beforeAll(async () => {
  browser = await launch();
});
afterEach(() => live.close());
afterAll(() => browser.close());

test("are told when their element comes, is changed by the server, and goes", async () => {
  await open(`<p st=".">1</p><div id="a" st-hook="Chart" st="(data-x)"><b st=".">1</b></div><!i><!/><ul><!l><!r><li id="r" st-hook="Chart">r</li><!/></ul>`);
  expect(await log()).toEqual(["mounted a", "mounted r"]);
  await live.patch(2, { "0": "beside" });
  expect(await log()).toEqual([]);
  await live.patch(3, { "2": "inside" });
  await live.patch(4, { "1": "attribute" });
  expect(await log()).toEqual(["updated a", "updated a"]);
  live.send(["s", { "1": ["h", '<section><div id="n" st-hook="Chart" data-x="" st="2"></div></section>', 0] }]);
  await live.patch(5, { "3": [1, ["x"]] });
  expect(await log()).toEqual(["mounted n"]);
  await live.patch(6, { "3": { "0": "y" } });
  expect(await log()).toEqual(["updated n"]);
  await live.patch(7, { "3": 0, "4": [[]] });
  expect(await log()).toEqual(["destroyed r", "destroyed n"]);
});

test("hear pushed events while they are there, send actions, and hear of the connection", async () => {
  await open(`<div id="a" st-hook="Chart">x</div><!i><div id="b" st-hook="Chart">x</div><!/>`);
  expect(await log()).toEqual(["mounted a", "mounted b"]);
  live.send(["v", "ping", 7], ["v", "other", 8]);
  await live.patch(2, { "0": 0 });
  live.send(["v", "ping", 9]);
  await live.page.click("#a");
  expect(await live.action(1)).toEqual([1, "clicked", { x: 1 }]);
  live.send(["k", 1, "yes"]);
  await live.page.waitForFunction(() => (globalThis as unknown as { log: string[] }).log.includes("answer yes a"));
  expect(await log()).toEqual(["ping 7 a", "ping 7 b", "destroyed b", "ping 9 a", "answer yes a"]);
  await live.drop();
  await live.until(() => live.joins === 2, "the second join");
  await live.patch(3, {});
  expect(await log()).toEqual(["disconnected a", "reconnected a"]);
});

test("of a refreshed page are told what happened to their element", async () => {
  await open(`<div id="a" st-hook="Chart">x</div><div id="b" st-hook="Chart">x</div>`);
  await log();
  live.send(["f", 2, "plan2", document_(`<div id="a" st-hook="Chart">y</div><div id="c" st-hook="Chart">x</div>`)]);
  await live.applied(2);
  const told = await log();
  expect(told).toContain("mounted c");
  expect(told).toContain("destroyed b");
  expect(told.filter((each) => each.endsWith(" a"))).toEqual(["updated a"]);
});

test("that throw are the page's errors, and nothing else suffers", async () => {
  await open(`<p st=".">1</p><div st-hook="Broken">x</div><div id="a" st-hook="Chart">x</div>`);
  expect(await log()).toEqual(["mounted a"]);
  await live.patch(2, { "0": "2" });
  expect(live.errors.splice(0).join()).toContain("broken hook");
  expect(live.joins).toBe(1);
});
