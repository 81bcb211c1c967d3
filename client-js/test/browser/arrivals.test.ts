//! What comes with an update is as live as what was there: declared events, commands and hooks, wherever they come.

import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { launch, LivePage } from "./harness.js";

let browser: Browser;
let live: LivePage;

const document_ = (body: string): string => `<!DOCTYPE html><html><head><title>T</title></head><body>${body}</body></html>`;
const open = async (body: string): Promise<void> => {
  live = await LivePage.open(browser, document_(body));
  await live.ready("extras");
};
const named = (): unknown[] => live.actions.map(([, name, data]) => [name, data]);

beforeAll(async () => {
  browser = await launch();
});
afterEach(() => live.close());
afterAll(() => browser.close());

/** Everything that an element can declare, around a value; with the marks of its slots when it is that of statics. */
function html(id: string, mark = ""): string {
  return (
    `<section class="all" st-click-away="away" st-value-id="${id}"${mark}><button class="click" st-click="click" st-value-id="${id}" st-optimistic="add soon; text Wait" st-disable${mark}>go</button>` +
    `<input name="f" st-keydown.ctrl.enter="key" st-keyup.f2="up" st-focus="focus" st-blur="blur" st-input="input" st-debounce="1">` +
    `<i st-window-resize="resize" st-window-keydown.escape="escape" st-value-id="${id}"${mark}></i>` +
    `<form st-submit="submit"><button class="submit">go</button></form></section>`
  );
}
const empty = html("", ` st="(st-value-id)"`);
const STATICS = { "1": ["h1", empty, 0, 0, 0], "2": ["h2", "<!r>" + empty, 0, 0, 0] };

const WAYS: Record<string, { page: string; frame: unknown }> = {
  "a branch": { page: "<!i><!/>", frame: [2, { "0": [1, ["7"]] }] },
  "a row": { page: "<!l><!/>", frame: [2, { "0": [[["7"]], {}, 2] }] },
  "a region": { page: "<!o><!/>", frame: [2, { "0": [html("7")] }] },
  "a page that is sent anew": { page: "", frame: ["f", 2, "plan2", document_(html("7") + "<p>x</p>")] },
};

test.each(Object.entries(WAYS))("what comes with %s", async (_, { page, frame }) => {
  await open(`${page}<p>x</p>`);
  live.send(["s", STATICS], frame);
  await live.applied(2);
  const { keyboard } = live.page;
  await live.page.click(".click");
  await live.action(1);
  expect(await live.page.$eval(".click", (button) => [button.className, button.textContent, (button as HTMLButtonElement).disabled])).toEqual([
    "click st-loading soon",
    "Wait",
    true,
  ]);
  live.send(["e", 1, "refused", ""]);
  await live.page.waitForFunction(() => document.querySelector(".click")!.className === "click");
  expect(await live.page.$eval(".click", (button) => [button.textContent, (button as HTMLButtonElement).disabled])).toEqual(["go", false]);
  await live.page.focus("input");
  await live.action(2);
  await keyboard.press("Control+Enter");
  await keyboard.press("F2");
  await live.action(4);
  await keyboard.type("a");
  await live.action(5);
  await keyboard.press("Escape");
  await live.action(6);
  await live.page.click("p");
  await live.action(8);
  await live.page.click(".submit");
  await live.action(9);
  await live.page.setViewportSize({ width: 700, height: 500 });
  await live.action(10);
  expect(named()).toEqual([
    ["click", { id: "7" }],
    ["focus", { f: "" }],
    ["key", { f: "", key: "Enter" }],
    ["up", { f: "", key: "F2" }],
    ["input", { f: "a" }],
    ["escape", { id: "7", key: "Escape" }],
    ["blur", { f: "a" }],
    ["away", { id: "7" }],
    ["submit", {}],
    ["resize", { id: "7", width: 700, height: 500, x: 0, y: 0, visible: true }],
  ]);
});

test("rows that have moved, and what a script puts under st-ignore, act as before", async () => {
  await open(
    `<ul><!l><!r><li><button id="a" st-click="go" st-value-id="a">a</button></li><!r><li><button id="b" st-click="go" st-value-id="b">b</button></li><!/></ul><div id="w" st-ignore></div>`,
  );
  await live.patch(2, { "0": [[1, -2]] });
  await live.page.$eval("#w", (widget) => {
    const button = document.createElement("button");
    button.id = "c";
    button.setAttribute("st-click", "go");
    button.setAttribute("st-value-id", "c");
    widget.append(button);
  });
  for (const id of ["a", "b", "c"]) await live.page.$eval(`#${id}`, (button) => (button as HTMLElement).click());
  await live.action(3);
  expect(named()).toEqual(["a", "b", "c"].map((id) => ["go", { id }]));
});

test("what has gone with a patch does nothing more", async () => {
  await open(`<p>x</p><!i><i st-window-resize="resize" st-click-away="away"></i><!/><button st-click="still">x</button>`);
  await live.patch(2, { "0": 0 });
  await live.page.click("p");
  await live.page.evaluate(() => dispatchEvent(new Event("resize")));
  await live.page.click("button");
  await live.action(1);
  expect(named()).toEqual([["still", {}]]);
});
