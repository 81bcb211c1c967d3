//! Editable content that a person changed while the server sends it anew, in Chromium.

import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { launch, LivePage, type Options } from "./harness.js";

let browser: Browser;
let live: LivePage;

const document_ = (body: string): string => `<!DOCTYPE html><html><head><title>T</title></head><body>${body}</body></html>`;
const open = async (body: string, options?: Options): Promise<void> => {
  live = await LivePage.open(browser, document_(body), options);
  await live.ready("extras");
};
const text = (selector: string): Promise<string | null> => live.page.textContent(selector);
const type = async (what: string): Promise<void> => {
  await live.page.focus("#c");
  await live.page.keyboard.press("Control+End");
  await live.page.keyboard.type(what);
  await live.action(what.length);
};

beforeAll(async () => {
  browser = await launch();
});
afterEach(() => live.close());
afterAll(() => browser.close());

const plain = (title: string, content: string): string =>
  `<h1>${title}</h1><div id="c" contenteditable st-input="set" st=".">${content}</div>`;

test("what a refresh says of it counts after the answer", async () => {
  await open(plain("1", "a"));
  await type("b");
  live.send(["f", 2, "plan2", document_(plain("2", "server"))]);
  await live.applied(2);
  expect([await text("h1"), await text("#c")]).toEqual(["2", "ab"]);
  await live.patch(3, {}, 1);
  expect(await text("#c")).toBe("server");
});

test.each(["1", "2"])("a refresh that says what the person wrote is not taken back by the answer (beside it: %s)", async (title) => {
  await open(plain("1", "a"));
  await type("b");
  live.send(["f", 2, "plan2", document_(plain(title, "ab"))]);
  await live.applied(2);
  await live.patch(3, {}, 1);
  expect(await text("#c")).toBe("ab");
  await live.patch(4, { "0": "later" });
  expect(await text("#c")).toBe("later");
});

test("a region within waits for the answer, and only its last word counts", async () => {
  await open(`<div id="c" contenteditable st-input="set"><!o><p>served</p><!/></div><h1 st=".">1</h1>`);
  await type("!");
  await live.patch(2, { "0": ["<p>one</p>"], "1": "2" });
  await live.patch(3, { "0": ["<p>two <i>three</i></p>"], "1": "3" });
  expect([await text("#c"), await text("h1")]).toEqual(["served!", "3"]);
  expect(await live.page.evaluate(() => document.activeElement!.id)).toBe("c");
  await live.patch(4, { "1": "4" }, 1);
  expect(await live.html()).toBe(
    '<div contenteditable="" id="c" st-input="set"><p>two <i>three</i></p></div><h1>4</h1>',
  );
  await live.patch(5, { "0": ["<p>four</p>"] });
  expect(await text("#c")).toBe("four");
});

test("after a refresh of more than a text the page is asked for once more when it is answered", async () => {
  const page = (title: string, content: string): string =>
    document_(`<h1>${title}</h1><div id="c" contenteditable st-input="set"><!o>x <b>${content}</b><!/></div>`);
  await open(page("1", "served"), {
    onJoin: (join, live) => {
      live.send(["j", join[3]]);
      if (join[2] === "") live.send(["f", 4, "plan2", page("4", "fine")]);
    },
  });
  await type("!");
  live.send(["f", 2, "plan2", page("2", "other")]);
  await live.applied(2);
  expect([await text("h1"), await text("#c")]).toEqual(["2", "x served!"]);
  live.send([3, {}, 1]);
  await live.applied(4);
  expect([await text("h1"), await text("#c")]).toEqual(["4", "x fine"]);
  expect(live.joins).toBe(2);
  expect(live.actions, "the action is not sent again").toHaveLength(1);
  await live.patch(5, { "0": ["x <b>finer</b>"] });
  expect(await text("#c")).toBe("x finer");
});
