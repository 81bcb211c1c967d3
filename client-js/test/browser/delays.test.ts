//! When actions go: after a pause, at most so often, at the latest before what comes next; and when they are asked about.

import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { launch, LivePage } from "./harness.js";

let browser: Browser;
let live: LivePage;

const open = async (body: string): Promise<void> => {
  live = await LivePage.open(browser, `<!DOCTYPE html><html><head><title>T</title></head><body>${body}</body></html>`);
  await live.ready("extras");
};
/** Types texts into a field, all of them in one task: between key presses a busy machine can take longer than a delay. */
const type = (selector: string, ...texts: string[]): Promise<void> =>
  live.page.$eval(
    selector,
    (field, texts) => {
      for (const text of texts) {
        (field as HTMLInputElement).value = text;
        field.dispatchEvent(new InputEvent("input", { bubbles: true }));
      }
    },
    texts,
  );
/** Refuses what the page asks the first time, and lets it happen the second. */
const answerQuestions = (): string[] => {
  const questions: string[] = [];
  live.page.on("dialog", (dialog) => {
    questions.push(dialog.message());
    void (questions.length % 2 ? dialog.dismiss() : dialog.accept());
  });
  return questions;
};

beforeAll(async () => {
  browser = await launch();
});
afterEach(() => live.close());
afterAll(() => browser.close());

describe("st-debounce", () => {
  test("what was typed goes before the form that it is in", async () => {
    await open(
      `<form st-submit="save"><input id="f" name="f" st-input="typed" st-debounce="1000000"><button id="b">save</button></form>` +
        `<input id="other" name="o" st-input="other" st-debounce="1000000">`,
    );
    await type("#other", "elsewhere");
    await live.page.focus("#f");
    await live.page.keyboard.type("ab");
    await live.page.keyboard.press("Enter");
    await live.action(2);
    expect(live.actions.map(([, name, data]) => [name, data])).toEqual([
      ["typed", { f: "ab" }],
      ["save", { f: "ab" }],
    ]);
  });

  test("the change of a field goes after what was typed into it", async () => {
    await open(`<form st-change="changed"><input id="f" name="f" st-input="typed" st-debounce="1000000"></form><button id="b">x</button>`);
    await live.page.focus("#f");
    await live.page.keyboard.type("ab");
    await live.page.focus("#b");
    await live.action(2);
    expect(live.actions.map(([, name, data]) => [name, data])).toEqual([
      ["typed", { f: "ab" }],
      ["changed", { f: "ab" }],
    ]);
  });

  test("leaving a field and submitting a form wait for nothing, even where these are what is declared", async () => {
    await open(
      `<form id="f" st-submit="save" st-change="check" st-debounce="1000000"><input id="t" name="t"><button id="b">save</button></form>` +
        `<input id="u" name="u" st-input="typed" st-blur="left" st-debounce="1000000"><i id="out" tabindex="0">x</i>`,
    );
    await live.page.focus("#u");
    await live.page.keyboard.type("a");
    await live.page.focus("#out");
    await live.action(2);
    await live.page.fill("#t", "b");
    await live.page.focus("#out");
    await live.page.$eval("#b", (button) => (button as HTMLElement).click());
    await live.action(4);
    expect(live.actions.map(([, name, data]) => [name, data])).toEqual([
      ["typed", { u: "a" }],
      ["left", { u: "a" }],
      ["check", { t: "b" }],
      ["save", { t: "b" }],
    ]);
  });

  test("what still waits goes when the page is left", async () => {
    await open(`<input id="f" name="f" st-input="typed" st-debounce="1000000">`);
    await type("#f", "a", "ab");
    await live.page.evaluate(() => dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true })));
    expect(await live.action(1)).toEqual([1, "typed", { f: "ab" }]);
    await live.page.waitForSelector("html.st-disconnected", { state: "attached" });
  });
});

describe("st-throttle", () => {
  test("sends the first at once, the last when the time is over, and nothing in between", async () => {
    await open(`<input id="f" name="f" st-input="typed" st-throttle="300">`);
    await type("#f", "a", "ab", "abc");
    await live.action(1);
    expect(live.actions).toEqual([[1, "typed", { f: "a" }]]);
    await live.action(2);
    // In the rest that follows the second one.
    await type("#f", "abcd", "abcde");
    await live.action(3);
    expect(live.actions.map(([, , data]) => data)).toEqual([{ f: "a" }, { f: "abc" }, { f: "abcde" }]);
  });

  test("of one element does not hold up another's, nor its other events", async () => {
    await open(`<input id="f" name="f" st-input="typed" st-focus="in" st-throttle="1000000"><input id="g" name="g" st-input="typed" st-throttle="1000000">`);
    await live.page.focus("#f");
    await type("#f", "a");
    await type("#g", "b");
    await live.action(3);
    expect(live.actions.map(([, name, data]) => [name, data])).toEqual([
      ["in", { f: "" }],
      ["typed", { f: "a" }],
      ["typed", { g: "b" }],
    ]);
  });
});

describe("st-confirm", () => {
  test("a choice that is not confirmed shows the server's again", async () => {
    await open(
      `<input id="c" name="c" type="checkbox" st-change="toggle" st-confirm="Sure?" st="?">` +
        `<select id="s" name="s" st-change="pick" st-confirm="Really?"><option st="?">1</option><option selected st="?">2</option></select>`,
    );
    const questions = answerQuestions();
    await live.page.$eval("#c", (box) => (box as HTMLElement).click());
    expect(await live.page.isChecked("#c")).toBe(false);
    await live.page.$eval("#c", (box) => (box as HTMLElement).click());
    expect(await live.action(1)).toEqual([1, "toggle", { c: true }]);
    expect(await live.page.isChecked("#c")).toBe(true);
    await live.page.selectOption("#s", "1");
    expect(await live.page.inputValue("#s")).toBe("2");
    await live.page.selectOption("#s", "1");
    expect(await live.action(2)).toEqual([2, "pick", { s: "1" }]);
    expect(questions).toEqual(["Sure?", "Sure?", "Really?", "Really?"]);
  });

  test("a form that is not confirmed is not sent at all, and keeps what was entered", async () => {
    await open(`<form action="/away" st-submit="save" st-confirm="Sure?"><input id="f" name="f"><button id="b">save</button></form>`);
    const questions = answerQuestions();
    await live.page.fill("#f", "typed");
    await live.page.click("#b");
    await live.page.click("#b");
    expect(await live.action(1)).toEqual([1, "save", { f: "typed" }]);
    expect([questions.length, live.actions.length, live.joins]).toEqual([2, 1, 1]);
    expect(live.page.url()).toMatch(/\/$/);
    expect(await live.page.inputValue("#f")).toBe("typed");
  });
});

test("an event that the page's own listener has refused is no action", async () => {
  await open(`<form id="f" st-submit="save"><button id="b" st-do-click="add on">save</button></form><button id="c" st-click="go">go</button>`);
  await live.page.$eval("#f", (form) => form.addEventListener("submit", (event) => event.preventDefault()));
  await live.page.click("#b");
  await live.page.click("#c");
  expect(await live.action(1)).toEqual([1, "go", {}]);
});
