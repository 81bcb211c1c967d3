//! What shows while an action is in flight, and what is left of it after the answer; in Chromium.

import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { launch, LivePage } from "./harness.js";

let browser: Browser;
let live: LivePage;

/** Opens a page and waits for the extras, so that a test sees what they show at once. */
const open = async (body: string): Promise<void> => {
  live = await LivePage.open(browser, `<!DOCTYPE html><html><head><title>T</title></head><body>${body}</body></html>`);
  await live.ready("extras");
};
const state = (selector: string): Promise<string> =>
  live.page.$eval(selector, (element) => {
    const { className, textContent } = element;
    const { hidden, disabled } = element as HTMLButtonElement;
    return [className, textContent!.trim(), hidden && "hidden", disabled && "disabled"].filter(Boolean).join(" ");
  });
const answered = (number: number): Promise<void> =>
  live.until(() => live.received.some((frame) => frame[0] === "k" && (frame[1] as number) >= number), `answer ${number}`);

beforeAll(async () => {
  browser = await launch();
});
afterEach(() => live.close());
afterAll(() => browser.close());

test("the element, its form and the submitter are loading, through patches of their classes", async () => {
  await open(`<form id="f" class="a" st="1" st-submit="save"><button id="b" name="how" value="x">go</button></form><button id="c" st-click="other">x</button>`);
  await live.page.click("#b");
  await live.action(1);
  await live.page.click("#c");
  await live.action(2);
  expect([await state("#f"), await state("#b"), await state("#c")]).toEqual(["a st-loading go", "st-loading go", "st-loading x"]);
  await live.patch(2, { "0": "b" });
  expect(await state("#f")).toBe("st-loading b go");
  await live.patch(3, { "0": "c" }, 1);
  expect([await state("#f"), await state("#b"), await state("#c")]).toEqual(["c go", "go", "st-loading x"]);
  live.send(["e", 2, "failed", ""]);
  await answered(2);
  expect(await live.page.$eval("#c", (button) => button.outerHTML)).toBe('<button id="c" st-click="other">x</button>');
});

test("st-disable holds until the last action in flight is answered, and gives the focus back", async () => {
  await open(`<button id="b" st-click="go" st-disable="Wait…">Go</button>`);
  await live.page.focus("#b");
  await live.page.keyboard.press("Enter");
  await live.action(1);
  expect(await state("#b")).toBe("st-loading Wait… disabled");
  await live.page.keyboard.press("Enter");
  await live.page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve))));
  live.send(["k", 1]);
  await answered(1);
  expect(await state("#b")).toBe("Go");
  expect(await live.page.evaluate(() => document.activeElement!.id)).toBe("b");
  await live.page.keyboard.press("Enter");
  expect(await live.action(2)).toEqual([2, "go", {}]);
});

test("st-disable on a form is for its buttons, and within a form for what has it", async () => {
  await open(
    `<form id="f" st-submit="save" st-disable><input id="t" name="t"><button id="b">go</button></form>` +
      `<form st-submit="save"><input id="u" name="u" st-disable><button id="c">go</button></form>`,
  );
  await live.page.click("#b");
  await live.page.click("#c");
  expect((await live.action(2))[2], "what is disabled is sent").toEqual({ u: "" });
  const disabled = (): Promise<string[]> => live.page.$$eval(":disabled", (all) => all.map((each) => each.id));
  expect(await disabled()).toEqual(["b", "u"]);
  live.send(["k", 1], ["k", 2]);
  await answered(2);
  expect(await disabled()).toEqual([]);
});

const TASK = `<ul><!l><!r><li class="task" st="0"><span st=".">3</span><button st-click="done" st-optimistic="add done @ closest .task; text 4 @ #n; hide">x</button></li><!/></ul><p id="n" st=".">3</p>`;

test("st-optimistic changes show at once, and are taken back when the action is refused", async () => {
  await open(TASK);
  await live.page.click("button");
  await live.action(1);
  expect([await state("li"), await state("#n"), await state("button")]).toEqual(["task done 3x", "4", "st-loading x hidden"]);
  live.send(["e", 1, "refused", "no"]);
  await answered(1);
  expect([await state("li"), await state("#n"), await state("button")]).toEqual(["task 3x", "3", "x"]);
});

test("what the server said meanwhile shows after a refusal", async () => {
  await open(TASK);
  await live.page.click("button");
  await live.action(1);
  await live.patch(2, { "0": { "0": { "0": "task done late" } }, "1": "7" });
  expect([await state("li"), await state("#n")]).toEqual(["task done late 3x", "7"]);
  live.send(["e", 1, "refused", "no"]);
  await answered(1);
  expect([await state("li"), await state("#n")]).toEqual(["task done late 3x", "7"]);
});

test("a text that the server sends meanwhile is not taken back, even if it is the optimistic one", async () => {
  await open(TASK);
  await live.page.click("button");
  await live.action(1);
  await live.patch(2, { "1": "4" });
  live.send(["e", 1, "refused", "no"]);
  await answered(1);
  expect(await state("#n")).toBe("4");
});

test("an optimistic text stands in the white space of the server's", async () => {
  await open(`<button id="b" st-click="go" st-optimistic="text $& @ #p">x</button><p id="p">\n  now <i>i</i> and then\n</p>`);
  await live.page.click("#b");
  await live.action(1);
  expect(await live.page.textContent("#p")).toBe("\n  $& i");
  live.send(["e", 1, "refused", ""]);
  await answered(1);
  expect(await live.page.innerHTML("#p")).toBe("\n  now <i>i</i> and then\n");
});

test("two actions in flight that show the same end it with the second", async () => {
  await open(`<button id="b" st-click="go" st-optimistic="add on; text soon @ #p">x</button><p id="p">now</p>`);
  await live.page.click("#b");
  await live.page.click("#b");
  await live.action(2);
  live.send(["k", 1]);
  await answered(1);
  expect([await state("#b"), await state("#p")]).toEqual(["st-loading on x", "soon"]);
  live.send(["k", 2]);
  await answered(2);
  expect([await state("#b"), await state("#p")]).toEqual(["x", "now"]);
});

test("the answer's own change takes the place of the optimistic one, without a moment between", async () => {
  await open(TASK);
  await live.page.click("button");
  await live.action(1);
  await live.page.evaluate(() => {
    const seen: string[] = ((globalThis as { seen?: string[] }).seen = []);
    const look = (): void => {
      seen.push(`${document.querySelector("li")!.className} ${document.querySelector("#n")!.textContent}`);
      if (seen.length < 100) requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
  await live.patch(2, { "0": { "0": { "0": "task done" } }, "1": "5" }, 1);
  expect([await state("li"), await state("#n"), await state("button")]).toEqual(["task done 3x", "5", "x"]);
  const seen = await live.page.evaluate(() => [...new Set((globalThis as unknown as { seen: string[] }).seen)]);
  for (const each of seen) expect(["task done 4", "task done 5"]).toContain(each);
});

test("a refresh between action and answer shows the server's word, and the answer its change", async () => {
  const page = (text: string): string =>
    `<p id="p" class="a" st="1.">${text}</p><button id="b" st-click="go" st-optimistic="text soon @ #p; add b @ #p">x</button>`;
  await open(page("1"));
  await live.page.click("#b");
  await live.action(1);
  live.send(["f", 2, "plan2", `<!DOCTYPE html><html><head><title>T</title></head><body>${page("2")}</body></html>`]);
  await live.applied(2);
  expect([await state("#p"), await state("#b")]).toEqual(["a b 2", "st-loading x"]);
  await live.patch(3, { "0": "c", "1": "3" }, 1);
  expect([await state("#p"), await state("#b")]).toEqual(["c 3", "x"]);
});

test("a refresh that brings the optimistic text is not taken back by the answer", async () => {
  const page = (text: string): string => `<p id="p" st=".">${text}</p><h1>${text}</h1><button id="b" st-click="go" st-optimistic="text 4 @ #p">x</button>`;
  await open(page("3"));
  await live.page.click("#b");
  await live.action(1);
  live.send(["f", 2, "plan2", `<!DOCTYPE html><html><head><title>T</title></head><body>${page("4")}</body></html>`]);
  await live.applied(2);
  live.send(["k", 1]);
  await answered(1);
  expect(await state("#p")).toBe("4");
  await live.patch(3, { "0": "5" });
  expect(await state("#p")).toBe("5");
});

test("a refresh that says what it said leaves the optimistic text, which an answer then takes back as a whole", async () => {
  const page = (title: string): string => `<h1>${title}</h1><p id="p">one <b>b</b> two</p><button id="b" st-click="go" st-optimistic="text 4 @ #p">x</button>`;
  await open(page("1"));
  await live.page.click("#b");
  await live.action(1);
  live.send(["f", 2, "plan2", `<!DOCTYPE html><html><head><title>T</title></head><body>${page("2")}</body></html>`]);
  await live.applied(2);
  expect([await state("h1"), await live.page.innerHTML("#p")]).toEqual(["2", "4 <b>b</b>"]);
  live.send(["k", 1]);
  await answered(1);
  expect(await live.page.innerHTML("#p")).toBe("one <b>b</b> two");
});

test("of two actions in flight that show different things, what is left shows when the later one is refused", async () => {
  await open(
    `<p id="p" class="a" hidden>now</p><button id="b" st-click="go" st-optimistic="text soon @ #p; show @ #p; add on @ #p">x</button>` +
      `<button id="c" st-click="go" st-optimistic="text later @ #p; hide @ #p; remove on @ #p">x</button>`,
  );
  await live.page.click("#b");
  await live.page.click("#c");
  await live.action(2);
  expect(await state("#p")).toBe("a later hidden");
  live.send(["e", 2, "refused", ""]);
  await live.page.waitForFunction(() => document.querySelector("#c")!.className === "");
  expect(await state("#p")).toBe("a on soon");
  live.send(["k", 1]);
  await answered(2);
  expect(await state("#p")).toBe("a now hidden");
});

test("st-disable ends with a refusal, with the answer after a broken connection, and with the session", async () => {
  await open(`<button id="b" st-click="go" st-disable="Wait…">Go</button>`);
  await live.page.click("#b");
  await live.action(1);
  live.send(["e", 1, "refused", ""]);
  await answered(1);
  expect(await state("#b")).toBe("Go");
  await live.page.click("#b");
  await live.action(2);
  await live.drop();
  await live.until(() => live.joins === 2, "the second join");
  await live.action(3);
  expect(await state("#b"), "it is still in flight").toBe("st-loading Wait… disabled");
  live.send(["k", 2]);
  await answered(2);
  expect(await state("#b")).toBe("Go");
  await live.page.click("#b");
  await live.action(4);
  live.send(["x", "session_closed", 0]);
  await live.page.waitForSelector("html.st-expired", { state: "attached" });
  expect(await state("#b")).toBe("Go");
});
