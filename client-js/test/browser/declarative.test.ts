//! Keys, the window, clicks elsewhere and commands, in Chromium under the strict policy.

import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { launch, LivePage, type Options } from "./harness.js";

let browser: Browser;
let live: LivePage;

const open = async (body: string, options?: Options): Promise<LivePage> => {
  live = await LivePage.open(browser, `<!DOCTYPE html><html><head><title>T</title></head><body>${body}</body></html>`, options);
  return live;
};
const hidden = (selector: string): Promise<boolean> =>
  live.page.$eval(selector, (element) => (element as HTMLElement).hidden);
const classes = (selector: string): Promise<string> => live.page.$eval(selector, (element) => [...element.classList].sort().join(" "));
const text = (selector: string): Promise<string | null> => live.page.textContent(selector);

beforeAll(async () => {
  browser = await launch();
});
afterEach(() => live.close());
afterAll(() => browser.close());

describe("keys", () => {
  test("are filtered by name and modifiers, the most special first, and then taken over", async () => {
    await open(
      `<div st-keydown="any"><input id="f" name="title" st-keydown.enter="save" st-keydown.escape="cancel" st-keydown.ctrl.s="keep" st-keydown.?="help" st-keydown.up="up"></div>`,
    );
    await live.page.focus("#f");
    await live.page.keyboard.type("a");
    for (const key of ["Enter", "Escape", "Control+s", "Shift+?", "ArrowUp", "Control+Enter"]) await live.page.keyboard.press(key);
    // Holding Control and Shift down are keys of their own, which nothing names.
    await live.action(10);
    expect(live.actions.map(([, name, payload]) => [name, payload])).toEqual([
      ["any", { key: "a" }],
      ["save", { title: "a", key: "Enter" }],
      ["cancel", { title: "a", key: "Escape" }],
      ["any", { key: "Control" }],
      ["keep", { title: "a", key: "s" }],
      ["any", { key: "Shift" }],
      ["help", { title: "a", key: "?" }],
      ["up", { title: "a", key: "ArrowUp" }],
      ["any", { key: "Control" }],
      ["any", { key: "Enter" }],
    ]);
    expect(await live.page.inputValue("#f"), "the question mark went to its action").toBe("a");
  });

  test("of the window are no shortcuts while somebody types characters", async () => {
    await open(`<p st-window-keydown.slash="find" st-window-keydown.ctrl.k="jump">x</p><input id="f">`);
    await live.page.keyboard.press("/");
    await live.action(1);
    await live.page.focus("#f");
    await live.page.keyboard.press("/");
    await live.page.keyboard.press("Control+k");
    await live.action(2);
    expect(live.actions.map(([, name]) => name)).toEqual(["find", "jump"]);
    expect(await live.page.inputValue("#f")).toBe("/");
  });

  test("of the window reach what names them, and a composition keeps its keys", async () => {
    await open(`<p st-window-keydown.escape="close" st-value-id="7">x</p><input id="f" st-keydown.enter="send">`);
    await live.page.keyboard.press("Escape");
    expect(await live.action(1)).toEqual([1, "close", { id: "7", key: "Escape" }]);
    await live.page.$eval("#f", (field) =>
      field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", isComposing: true, bubbles: true })),
    );
    await live.page.press("#f", "Enter");
    expect(await live.action(2)).toEqual([2, "send", { value: "", key: "Enter" }]);
    expect(live.actions).toHaveLength(2);
  });
});

describe("the window", () => {
  test("says its size, where it is scrolled to, and whether it is seen", async () => {
    await open(
      `<main st-window-resize="resized" st-window-scroll="scrolled" st-throttle="10"><div id="tall">tall</div></main><i st-window-online="online"></i>`,
    );
    await live.ready("extras");
    await live.page.setViewportSize({ width: 700, height: 500 });
    expect(await live.action(1)).toMatchObject([1, "resized", { width: 700, height: 500, visible: true }]);
    await live.page.evaluate(() => window.dispatchEvent(new Event("online")));
    expect((await live.action(2))[1]).toBe("online");
    await live.page.evaluate(() => {
      document.querySelector<HTMLElement>("#tall")!.style.height = "3000px";
      scrollTo(0, 40);
    });
    await live.until(() => live.actions.some(([, name, data]) => name === "scrolled" && (data as { y: number }).y === 40), "the scroll");
  });

  test("tells of each of its events", async () => {
    const types = ["resize", "scroll", "online", "offline", "focus", "blur", "visibilitychange", "keydown", "keyup"];
    await open(types.map((type) => `<i st-window-${type}="${type}"></i>`).join(""));
    await live.ready("extras");
    for (const type of ["resize", "scroll", "online", "focus", "blur"]) {
      await live.page.evaluate((type) => dispatchEvent(new Event(type)), type);
    }
    await live.page.evaluate(() => document.dispatchEvent(new Event("visibilitychange", { bubbles: true })));
    await live.page.keyboard.press("F2");
    // Last, since it closes the connection: the action goes with the next one.
    await live.page.evaluate(() => dispatchEvent(new Event("offline")));
    await live.page.evaluate(() => dispatchEvent(new Event("online")));
    // The ones before are without an answer and sent again.
    const named = (): unknown[] => [...new Map(live.actions as [number, string][]).values()];
    await live.until(() => named().length === 10, "ten actions");
    expect(named()).toEqual(["resize", "scroll", "online", "focus", "blur", "visibilitychange", "keydown", "keyup", "offline", "online"]);
  });

  test("a click elsewhere is one that is not within, while the element is shown", async () => {
    await open(`<div id="menu" st-click-away="close"><b id="in">in</b></div><p id="out">out</p>`);
    await live.page.click("#in");
    await live.page.click("#out");
    await live.action(1);
    await live.page.$eval("#menu", (menu) => ((menu as HTMLElement).hidden = true));
    await live.page.click("#out");
    await live.page.$eval("#menu", (menu) => ((menu as HTMLElement).hidden = false));
    await live.page.click("#out");
    await live.action(2);
    expect(live.actions.map(([, name]) => name)).toEqual(["close", "close"]);
  });
});

describe("a field's own focus, blur and keys", () => {
  test("carry what stands in it, and hand it over", async () => {
    await open(`<input id="f" name="title" value="" st-blur="save" st="2"><input id="g" st-focus="focused">`);
    await live.page.fill("#f", "milk");
    await live.page.focus("#g");
    expect(await live.action(1)).toEqual([1, "save", { title: "milk" }]);
    expect(await live.action(2)).toEqual([2, "focused", { value: "" }]);
    await live.patch(2, { "0": "MILK" }, 1);
    expect(await live.page.inputValue("#f")).toBe("MILK");
  });
});

describe("commands", () => {
  test("show, hide, toggle, change classes and text, disable and focus, without a round trip", async () => {
    await open(
      `<div class="card"><button id="b" st-do-click="toggle @ #menu; toggle open @ closest .card; add on; remove off @ find i; text Done @ find b; focus @ #f">` +
        `<b>go</b><i class="off">i</i></button></div><div id="menu" hidden>menu</div><input id="f"><button id="d" st-do-click="disable">d</button>`,
    );
    await live.page.click("#b");
    await live.page.waitForFunction(() => document.activeElement!.id === "f");
    expect(await hidden("#menu")).toBe(false);
    expect([await classes(".card"), await classes("#b"), await classes("i"), await text("b")]).toEqual(["card open", "on", "", "Done"]);
    await live.page.click("#b");
    expect(await hidden("#menu")).toBe(true);
    expect(await classes(".card")).toBe("card");
    await live.page.click("#d");
    await live.page.waitForFunction(() => document.querySelector<HTMLButtonElement>("#d")!.disabled);
    expect(live.actions).toEqual([]);
  });

  test("survive patches of the same attributes, and what the server changes counts", async () => {
    await open(
      `<button id="b" st-do-click="hide @ #p; add mine @ #p; remove a @ #p">x</button><p id="p" class="a b" title="1" st="1?">x</p><u id="u" st="?" hidden>u</u><button id="s" st-do-click="show @ #u">s</button>`,
    );
    await live.page.click("#b");
    await live.page.click("#s");
    await live.page.waitForFunction(() => !document.querySelector<HTMLElement>("#u")!.hidden);
    await live.patch(2, { "0": "a c", "1": { title: "2" } });
    expect(await classes("#p"), "the server changed b and c").toBe("c mine");
    expect([await hidden("#p"), await live.page.getAttribute("#p", "title")]).toEqual([true, "2"]);
    expect(await hidden("#u")).toBe(false);
    // The server's own change of what a command did.
    await live.patch(3, { "0": "c", "2": { hidden: null } });
    await live.patch(4, { "0": "a c", "2": { hidden: "" } });
    expect(await classes("#p")).toBe("a c mine");
    expect(await hidden("#u")).toBe(true);
  });

  test("survive a refresh where the server says what it said", async () => {
    const page = (title: string, attributes = ""): string =>
      `<!DOCTYPE html><html><head><title>T</title></head><body><h1>${title}</h1><button id="b" st-do-click="hide @ #p; add mine @ #p; toggle @ #m">x</button><p id="p" class="a" st="1">x</p><div id="m" hidden ${attributes}>m</div></body></html>`;
    live = await LivePage.open(browser, page("1"));
    await live.page.click("#b");
    await live.page.waitForFunction(() => document.querySelector<HTMLElement>("#p")!.hidden);
    live.send(["f", 2, "plan2", page("2")]);
    await live.applied(2);
    expect(await text("h1")).toBe("2");
    expect([await hidden("#p"), await classes("#p"), await hidden("#m")]).toEqual([true, "a mine", false]);
    await live.patch(3, { "0": "b" });
    expect(await classes("#p")).toBe("b mine");
    // What the server shows now, and shows no more later, is hidden as it says.
    live.send(["f", 4, "plan2", page("4").replace("hidden ", "")]);
    await live.applied(4);
    live.send(["f", 5, "plan2", page("5")]);
    await live.applied(5);
    expect(await hidden("#m")).toBe(true);
  });

  test("that nobody knows are told as errors, and the others run", async () => {
    await open(`<button id="b" st-do-click="jump; add on" st-click="go">x</button>`);
    await live.page.click("#b");
    await live.action(1);
    expect(await classes("#b")).toContain("on");
    expect(live.errors.splice(0).join()).toContain("no command jump");
  });
});

test("what is done before the extras are here is not lost", async () => {
  let deliver!: () => void;
  const held = new Promise<void>((resolve) => (deliver = resolve));
  await open(
    `<p st=".">1</p><button id="b" st-do-click="toggle @ #m">x</button><div id="m" hidden>m</div><input id="f" name="f" st-input="typed" st-debounce="1000000"><button id="s" st-click="save">s</button><!l><!/>`,
    { before: (path) => (path.endsWith("extras.js") ? held : undefined) },
  );
  await live.page.click("#b");
  await live.page.fill("#f", "abc");
  await live.page.focus("#s");
  await live.page.keyboard.press("Enter");
  live.send(["s", { "1": ["h", "<!r><b st=.></b>", 0] }]);
  live.send([2, { "0": "2", "1": [[["x"]], {}, 1] }], [3, { "0": "3" }]);
  expect(live.actions).toEqual([]);
  deliver();
  await live.applied(3);
  expect(await live.page.evaluate(() => document.body.textContent)).toContain("3xmsx");
  expect(await hidden("#m")).toBe(false);
  await live.action(2);
  expect(live.actions.map(([, name]) => name)).toEqual(["typed", "save"]);
});

test("without the extras plain actions and delayed ones still go", async () => {
  await open(`<input id="f" name="f" st-input="typed" st-debounce="10"><button id="b" st-click="go">x</button>`, {
    before: (path) => (path.endsWith("extras.js") ? Promise.reject(new Error("no extras")) : undefined),
  });
  await live.page.fill("#f", "abc");
  await live.action(1);
  await live.page.click("#b");
  await live.action(2);
  expect(live.actions).toEqual([
    [1, "typed", { f: "abc" }],
    [2, "go", {}],
  ]);
  // Perhaps it is the network that is gone, of which nothing else tells such a page.
  await live.until(() => live.received.some(([type]) => type === "p"), "the question whether anybody is there");
  expect(live.errors.splice(0).join()).toContain("Failed to load");
});
