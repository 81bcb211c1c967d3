//! What a person notices, in Chromium under the strict policy: nothing typed is lost, nothing moves that need not.

import type { Browser, CDPSession } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { launch, LivePage, type Options } from "./harness.js";

let browser: Browser;
let live: LivePage;

const document_ = (body: string): string =>
  `<!DOCTYPE html><html><head><title>T</title></head><body>${body}</body></html>`;
const open = async (body: string, options?: Options): Promise<LivePage> =>
  (live = await LivePage.open(browser, document_(body), options));
const value = (selector: string): Promise<string> => live.page.inputValue(selector);
const text = (selector: string): Promise<string | null> => live.page.textContent(selector);
const active = (): Promise<string> => live.page.evaluate(() => document.activeElement!.id);

beforeAll(async () => {
  browser = await launch();
});
afterEach(() => live.close());
afterAll(() => browser.close());

const ROWS = ["a", "b", "c", "d"];
const rows = (inner = (id: string): string => `<input id="in-${id}"><span id="t-${id}" st=".">${id}</span>`): string =>
  `<ul><!l>${ROWS.map((id) => `<!r><li id="${id}">${inner(id)}</li>`).join("")}<!/></ul>`;
const order = (): Promise<string[]> => live.page.$$eval("li", (items) => items.map((item) => item.id));

describe("focus and typed text", () => {
  test("stay while text beside them, their own and their parent's attributes change", async () => {
    await open(
      `<div class="x" st="0"><p><!t>1</p><input id="f" class="y" value="" st="1"><textarea id="g"></textarea></div>`,
    );
    await live.page.fill("#g", "unfocused");
    await live.page.focus("#f");
    await live.page.keyboard.type("hello");
    await live.page.keyboard.press("ArrowLeft");
    await live.patch(2, { "0": "z", "1": "2", "2": "w" });
    expect(await value("#f")).toBe("hello");
    expect(await value("#g")).toBe("unfocused");
    expect(await active()).toBe("f");
    expect(await live.page.$eval("#f", (field) => (field as HTMLInputElement).selectionStart)).toBe(4);
    expect(await text("p")).toBe("2");
  });

  test("stay in a row that others move round, and in rows that move", async () => {
    await open(rows());
    for (const id of ROWS) await live.page.fill(`#in-${id}`, `typed ${id}`);
    await live.page.focus("#in-d");
    await live.page.keyboard.press("Home");
    await live.page.evaluate(() => {
      const moved: string[] = ((globalThis as { moved?: string[] }).moved = []);
      new MutationObserver((records) => {
        for (const { removedNodes } of records) for (const node of removedNodes) moved.push((node as Element).id);
      }).observe(document.querySelector("ul")!, { childList: true });
    });
    await live.patch(2, { "0": [[3, 1, 0, 3]] });
    expect(await order()).toEqual(["d", "a", "b", "c"]);
    expect(await active()).toBe("in-d");
    expect(await live.page.$eval("#in-d", (field) => (field as HTMLInputElement).selectionStart)).toBe(0);
    expect(await live.page.evaluate(() => (globalThis as { moved?: string[] }).moved)).not.toContain("d");
    await live.patch(3, { "0": [[3, -4], { "0": { "0": "C" } }] });
    expect(await order()).toEqual(["c", "b", "a", "d"]);
    expect(await text("#t-c")).toBe("C");
    for (const id of ROWS) expect(await value(`#in-${id}`)).toBe(`typed ${id}`);
    expect(await active()).toBe("in-d");
  });

  test("are not lost when a row is removed or inserted beside", async () => {
    await open(rows());
    await live.page.fill("#in-b", "typed");
    live.send(["s", { "1": ["h", '<!r><li id="" st="0"><input><span st="."></span></li>', 0, 1] }]);
    await live.patch(2, { "0": [[["n", "N"], 1, 3], { "1": { "0": "B" } }, 1] });
    expect(await order()).toEqual(["n", "b", "c", "d"]);
    expect(await value("#in-b")).toBe("typed");
    expect(await active()).toBe("in-b");
  });
});

describe("input safety", () => {
  const FIELD = `<input id="f" name="f" value="old" st-input="typed" st="2">`;

  test("an edited field keeps its text until the action that carried it is answered", async () => {
    await open(FIELD);
    await live.page.fill("#f", "ab");
    await live.action(1);
    await live.page.focus("#f");
    await live.page.keyboard.press("End");
    await live.page.keyboard.type("c");
    expect(await live.action(2)).toEqual([2, "typed", { f: "abc" }]);
    await live.patch(2, { "0": "AB" }, 1);
    expect(await value("#f")).toBe("abc");
    await live.patch(3, { "0": "ABC" }, 2);
    expect(await value("#f")).toBe("ABC");
  });

  test("after the answer page and server agree, also when the server's value did not change", async () => {
    await open(`<form st-submit="add"><input id="f" name="f" value="" st="2"><button>add</button></form>`);
    await live.page.fill("#f", "milk");
    await live.page.click("button");
    expect(await live.action(1)).toEqual([1, "add", { f: "milk" }]);
    live.send(["k", 1]);
    await live.until(() => live.received.some((frame) => frame[0] === "k"), "the acknowledgement");
    expect(await value("#f")).toBe("");
  });

  test("a refused action leaves the text to the person", async () => {
    await open(FIELD);
    await live.page.fill("#f", "mine");
    await live.action(1);
    live.send(["e", 1, "refused", "no"]);
    await live.patch(2, { "0": "server" });
    expect(await value("#f")).toBe("mine");
  });

  test("st-force lets the server's value through", async () => {
    await open(`<input id="f" value="old" st-force st="1">`);
    await live.page.fill("#f", "mine");
    await live.patch(2, { "0": "server" });
    expect(await value("#f")).toBe("server");
  });

  test("an untouched field follows the server, with the caret where it was", async () => {
    await open(`<input id="f" value="abcdef" st="1"><textarea id="g" st=".">x</textarea>`);
    await live.page.focus("#f");
    await live.page.$eval("#f", (field) => (field as HTMLInputElement).setSelectionRange(2, 3));
    await live.patch(2, { "0": "ABCDEF", "1": "y" });
    expect(await value("#f")).toBe("ABCDEF");
    expect(await value("#g")).toBe("y");
    expect(await live.page.$eval("#f", (field) => (field as HTMLInputElement).selectionStart)).toBe(2);
  });

  test("textarea, checkbox, radio and select are protected alike", async () => {
    await open(
      `<textarea id="t" st=".">old</textarea><input id="c" type="checkbox" st="?">` +
        `<input type="radio" name="r" id="r1" checked st="?"><input type="radio" name="r" id="r2" st="?">` +
        `<select id="s"><option value="1" selected st="?">1</option><option value="2" st="?">2</option><option value="3" st="?">3</option></select>`,
    );
    await live.page.fill("#t", "mine");
    await live.page.check("#c");
    await live.page.check("#r2");
    await live.page.selectOption("#s", "3");
    const none = { selected: null };
    await live.patch(2, { "0": "server", "1": { checked: null }, "2": { checked: "" }, "3": { checked: null } });
    await live.patch(3, { "4": none, "5": { selected: "" }, "6": none });
    expect(await value("#t")).toBe("mine");
    expect(await live.page.isChecked("#c")).toBe(true);
    expect(await live.page.isChecked("#r2")).toBe(true);
    expect(await value("#s")).toBe("3");
  });

  test("a checkbox's property follows the attribute once it was toggled and answered", async () => {
    await open(`<input id="c" name="done" type="checkbox" st-change="toggle" st-value-id="7" st="?">`);
    await live.page.check("#c");
    expect(await live.action(1)).toEqual([1, "toggle", { id: "7", done: true }]);
    await live.patch(2, { "0": { checked: "" } }, 1);
    expect(await live.page.isChecked("#c")).toBe(true);
    await live.patch(3, { "0": { checked: null } });
    expect(await live.page.isChecked("#c")).toBe(false);
    await live.patch(4, { "0": { checked: "" } });
    expect(await live.page.isChecked("#c")).toBe(true);
  });

  test("patches wait for the end of an IME composition", async () => {
    await open(`<p st=".">1</p><input id="f">`);
    await live.page.focus("#f");
    const cdp: CDPSession = await live.page.context().newCDPSession(live.page);
    await cdp.send("Input.imeSetComposition", { text: "に", selectionStart: 1, selectionEnd: 1 });
    live.send([2, { "0": "2" }], ["v", "seen", null]);
    await live.page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 100)));
    expect(await text("p")).toBe("1");
    await cdp.send("Input.insertText", { text: "日" });
    await live.applied(2);
    expect(await text("p")).toBe("2");
    expect(await value("#f")).toBe("日");
  });
});

describe("attributes", () => {
  test("a style slot works under style-src 'self', at join and later", async () => {
    await open(`<p id="p" st="(style)">x</p>`);
    await live.patch(2, { "0": "width: 33px" });
    expect(await live.page.$eval("#p", (p) => getComputedStyle(p).width)).toBe("33px");
    await live.patch(3, { "0": null });
    expect(await live.page.$eval("#p", (p) => p.hasAttribute("style"))).toBe(false);
  });

  test("the state of the connection is a class of <html> beside its own, whatever becomes of those", async () => {
    const page = (attributes: string): string => `<!doctype html><html ${attributes}><head><title>t</title></head><body>x</body></html>`;
    live = await LivePage.open(browser, page(`class="a b" st="0"`));
    const classes = (): Promise<string[]> => live.page.$eval("html", (html) => [...html.classList].sort());
    await live.page.waitForSelector("html.st-connected", { state: "attached" });
    expect(await classes()).toEqual(["a", "b", "st-connected"]);
    await live.patch(2, { "0": "b c" });
    expect(await classes()).toEqual(["b", "c", "st-connected"]);
    live.send(["f", 3, "plan1", page(`class="d" st="0"`)]);
    await live.applied(3);
    expect(await classes()).toEqual(["d", "st-connected"]);
    await live.patch(4, { "0": null });
    expect(await classes()).toEqual(["st-connected"]);
    live.send(["x", "session_closed", 0]);
    await live.page.waitForSelector("html.st-expired", { state: "attached" });
    expect(await classes()).toEqual(["st-expired"]);
    expect(await live.page.getAttribute("html", "data-statetemplate")).toBe("expired");
  });

  test("classes that scripts added survive a change of the class", async () => {
    await open(`<p id="p" class="a b" st="1">x</p>`);
    await live.page.$eval("#p", (p) => p.classList.add("script"));
    await live.patch(2, { "0": "b c" });
    expect(await live.page.$eval("#p", (p) => [...p.classList].sort())).toEqual(["b", "c", "script"]);
  });

  test("guarded sinks accept the server's word under Trusted Types", async () => {
    await open(`<iframe id="i" st="(srcdoc)"></iframe>`);
    await live.patch(2, { "0": "<p>in</p>" });
    expect(await live.page.getAttribute("#i", "srcdoc")).toBe("<p>in</p>");
  });
});

describe("actions", () => {
  test("click: values, confirm, links and buttons that would leave the page", async () => {
    await open(
      `<a href="/away" st-click="link" st-value-id="1"><b id="in">x</b></a><form action="/away"><button id="b" st-click="plain">x</button></form>` +
        `<button id="q" st-click="sure" st-confirm="Sure?">x</button>`,
    );
    await live.page.click("#in");
    await live.page.click("#b");
    const questions: string[] = [];
    live.page.on("dialog", (dialog) => {
      questions.push(dialog.message());
      void (questions.length === 1 ? dialog.dismiss() : dialog.accept());
    });
    await live.page.click("#q");
    await live.page.click("#q");
    await live.action(3);
    expect(live.actions).toEqual([
      [1, "link", { id: "1" }],
      [2, "plain", {}],
      [3, "sure", {}],
    ]);
    expect(questions).toEqual(["Sure?", "Sure?"]);
    expect(live.page.url()).toMatch(/\/$/);
  });

  test("submit: all successful controls, the submitter, lists, and files left out with a warning", async () => {
    await open(
      `<form st-submit="save" st-value-id="9" st-reset><input id="t" name="title"><input type="checkbox" name="tag" value="x" checked>` +
        `<input type="checkbox" name="tag" value="y" checked><input name="off" disabled value="1"><select name="m" multiple><option selected>1</option></select>` +
        `<input type="file" name="doc"><button name="how" value="fast">go</button></form>`,
    );
    await live.page.evaluate(() => {
      document.addEventListener("statetemplate:error", ({ detail }) => {
        (globalThis as { warned?: unknown }).warned = detail;
      });
    });
    await live.page.fill("#t", "milk");
    await live.page.click("button");
    expect(await live.action(1)).toEqual([
      1,
      "save",
      { title: "milk", tag: ["x", "y"], m: ["1"], how: "fast", id: "9" },
    ]);
    expect(await live.page.evaluate(() => (globalThis as { warned?: unknown }).warned)).toMatchObject({
      code: "file_skipped",
      level: "warning",
    });
    live.send(["k", 1]);
    await live.page.waitForFunction(() => document.querySelector<HTMLInputElement>("#t")!.value === "");
  });

  test("debounce sends the last text once, at the latest when the field is left", async () => {
    await open(`<input id="f" name="q" st-input="search" st-debounce="60000"><input id="g" name="g" st-input="g" st-debounce="30">`);
    await live.page.focus("#f");
    await live.page.keyboard.type("abc");
    await live.page.focus("#g");
    // In one task: between key presses a busy machine can take longer than the delay.
    await live.page.evaluate(() => {
      const field = document.querySelector<HTMLInputElement>("#g")!;
      for (const text of ["x", "xy", "xyz"]) {
        field.value = text;
        field.dispatchEvent(new InputEvent("input", { bubbles: true }));
      }
    });
    await live.action(2);
    expect(live.actions).toEqual([
      [1, "search", { q: "abc" }],
      [2, "g", { g: "xyz" }],
    ]);
  });

  test("throttle sends the first at once and the last when the time is over", async () => {
    await open(`<button id="b" st-click="hit" st-throttle="200">x</button>`);
    await live.page.evaluate(() => {
      for (let at = 0; at < 5; at++) document.querySelector<HTMLButtonElement>("#b")!.click();
    });
    await live.action(2);
    await live.page.waitForTimeout(300);
    expect(live.actions).toHaveLength(2);
  });

  test("keys, focus, blur and selects", async () => {
    await open(
      `<input id="k" st-keydown="key" st-value-x="1"><input id="f" st-focus="in" st-blur="out"><select id="s" name="s" multiple st-change="pick"><option>1<option>2</select>`,
    );
    await live.page.focus("#k");
    await live.page.keyboard.press("Enter");
    await live.page.focus("#f");
    await live.page.focus("#s");
    await live.page.selectOption("#s", ["1", "2"]);
    await live.action(4);
    expect(live.actions.map(([, name, data]) => [name, data])).toEqual([
      ["key", { x: "1", value: "", key: "Enter" }],
      ["in", { value: "" }],
      ["out", { value: "" }],
      ["pick", { s: ["1", "2"] }],
    ]);
  });

  test("sendUpdate resolves with the answer once the page shows the change, and rejects with a code", async () => {
    await open(`<p st=".">1</p>`);
    const answer = live.page.evaluate(async () => {
      const { StateTemplate } = globalThis as unknown as { StateTemplate: { sendUpdate(a: string, d: unknown): Promise<unknown> } };
      const value = await StateTemplate.sendUpdate("add", { by: 1 });
      return [value, document.querySelector("p")!.textContent];
    });
    expect(await live.action(1)).toEqual([1, "add", { by: 1 }]);
    live.send([2, { "0": "2" }, 1, { sum: 2 }]);
    expect(await answer).toEqual([{ sum: 2 }, "2"]);
    const refused = live.page.evaluate(async () => {
      const { StateTemplate } = globalThis as unknown as { StateTemplate: { sendUpdate(a: string, d: unknown): Promise<unknown> } };
      return StateTemplate.sendUpdate("bad", {}).catch((error: { code: string; message: string }) => [error.code, error.message]);
    });
    await live.action(2);
    live.send(["e", 2, "refused", "not you"]);
    expect(await refused).toEqual(["refused", "not you"]);
  });
});

test("an event that the server pushes is told to the page's scripts, with its data", async () => {
  await open(`<p st=".">1</p>`);
  await live.page.evaluate(() => {
    const pushed: unknown[] = ((globalThis as { pushed?: unknown[] }).pushed = []);
    addEventListener("statetemplate:push", (event) => pushed.push((event as CustomEvent).detail, document.querySelector("p")!.textContent));
  });
  // In its place among the others.
  live.send([2, { "0": "2" }], ["v", "saved", { id: 7, "a b": [null] }], [3, { "0": "3" }], ["v", "empty"]);
  await live.applied(3);
  await live.page.waitForFunction(() => (globalThis as unknown as { pushed: unknown[] }).pushed.length === 4);
  expect(await live.page.evaluate(() => (globalThis as unknown as { pushed: unknown[] }).pushed)).toEqual([
    { name: "saved", data: { id: 7, "a b": [null] } },
    "2",
    { name: "empty", data: undefined },
    "3",
  ]);
});

describe("connection", () => {
  test("reconnects, names the revision it shows, and sends what was not answered again", async () => {
    await open(`<p st=".">1</p><button st-click="go">x</button>`);
    await live.patch(5, { "0": "5" });
    await live.page.click("button");
    await live.action(1);
    await live.drop();
    await live.until(() => live.joins === 2, "the second join");
    await live.action(2);
    expect(live.received.filter((frame) => frame[0] === "j")[1]!.slice(0, 4)).toEqual(["j", "p1", "plan1", 5]);
    expect(live.actions[1]).toEqual(live.actions[0]);
    await live.patch(6, { "0": "6" }, 1);
    expect(await text("p")).toBe("6");
    expect(await live.page.getAttribute("html", "data-statetemplate")).toBe("connected");
  });

  test("each of its states is an event, a class and an attribute", async () => {
    const first = `
      globalThis.told = [];
      for (const state of ["connecting", "connected", "disconnected", "expired"]) {
        document.addEventListener("statetemplate:" + state, ({ detail }) => {
          const { classList, dataset } = document.documentElement;
          told.push([state, detail.reason, detail.revision, [...classList].join(" "), dataset.statetemplate]);
        });
      }`;
    const page = `<!DOCTYPE html><html><head><title>T</title><script src="/first.js" defer></script></head><body><p st=".">1</p></body></html>`;
    live = await LivePage.open(browser, page, { files: { "/first.js": first } });
    await live.patch(2, { "0": "2" });
    await live.drop();
    await live.until(() => live.joins === 2, "the second join");
    live.send(["x", "session_closed", 0]);
    await live.page.waitForSelector("html.st-expired", { state: "attached" });
    expect(await live.page.evaluate(() => (globalThis as unknown as { told: unknown[] }).told)).toEqual([
      ["connecting", "", 1, "st-connecting", "connecting"],
      ["connected", "", 1, "st-connected", "connected"],
      ["disconnected", "closed", 2, "st-disconnected", "disconnected"],
      ["connected", "", 2, "st-connected", "connected"],
      ["expired", "session_closed", 2, "st-expired", "expired"],
    ]);
  });

  test("an expired session is told to the page and is the end", async () => {
    await open(`<p>x</p>`);
    await live.page.evaluate(() => {
      window.addEventListener("statetemplate:expired", (event) => {
        document.title = (event as CustomEvent<{ reason: string }>).detail.reason;
      });
    });
    live.send(["x", "session_expired", 0]);
    await live.page.waitForFunction(() => document.title === "session_expired");
    expect(await live.page.getAttribute("html", "data-statetemplate")).toBe("expired");
    await live.page.waitForTimeout(500);
    expect(live.joins).toBe(1);
  });

  test.each([
    ["an unknown slot", [2, { "7": "x" }]],
    ["a change of the wrong kind", [2, { "0": { "1": "x" } }]],
    ["a row that is not there", [2, { "1": { "9": { "0": "x" } } }]],
    ["an order of rows that are not there", [2, { "0": "never shown", "1": [[0, 9]] }]],
    ["a patch that is none", [2, "x"]],
    ["a new row without a value", [2, { "0": "never shown", "1": [[["1"], []], {}, 1] }]],
    ["a branch in it that is neither nothing nor a fragment", [2, { "0": "never shown", "1": [0, 2, ["x"]] }]],
    ["a list in it that is neither rows nor an else", [2, { "0": "never shown", "1": [0, 3, ["x"]] }]],
    ["a new row that begins nowhere", [2, { "0": "never shown", "1": [[[]], {}, 5] }]],
    ["a slot in it that nothing fills", [2, { "0": "never shown", "1": [0, 4, []] }]],
    ["no frame", "nonsense"],
  ])("%s makes it ask for a refresh, with the page as it was", async (_, frame) => {
    const next = document_(`<p st=".">fresh</p><ul><!l><!r><li st=".">1</li><!/></ul>`);
    await open(`<p st=".">1</p><ul><!l><!r><li st=".">a</li><!/></ul>`, {
      onJoin: (join, live) => {
        live.send(["j", 4]);
        if (join[2] === "") live.send(["f", 4, "plan1", next]);
      },
    });
    live.send(["s", { "1": ["h1", "<!r><li st='.'></li>", 0], "2": ["h2", "<!i><!/>", 0], "3": ["h3", "<!l><!/>", [0, 1]], "4": ["h4", "<!t>"], "5": ["h5", "<li></li>"] }]);
    live.send(frame);
    await live.until(() => live.joins === 2, "the second join");
    expect(live.received.at(-1)!.slice(0, 4)).toEqual(["j", "p1", "", 0]);
    await live.applied(4);
    expect(await text("p")).toBe("fresh");
    await live.patch(5, { "0": "on", "1": { "0": { "0": "b" } } });
    expect(await live.html()).toBe("<p>on</p><ul><li>b</li></ul>");
  });

  test("deflated frames keep their place among the others, and one that is malformed brings a refresh", async () => {
    await open(`<p st=".">1</p>`, {
      onJoin: (join, live) => {
        live.send(["j", 4]);
        if (join[2] === "") live.send(["f", 4, "plan1", document_(`<p st=".">fresh</p>`)]);
      },
    });
    expect(live.received[0]![8]).toBe("deflate-raw");
    live.sendDeflated([2, { "0": "long ".repeat(100_000) }]);
    live.send([3, { "0": "three" }]);
    live.sendDeflated([4, { "0": "four" }]);
    await live.applied(4);
    expect(await text("p")).toBe("four");
    const applied = live.received.filter((frame) => frame[0] === "a").map((frame) => frame[1] as number);
    expect(applied).toEqual([...applied].sort((a, b) => a - b));
    live.sendBytes(Buffer.from("[5,{}]"));
    await live.until(() => live.joins === 2, "the second join");
    await live.until(() => live.received.at(-1)![0] === "a", "the refresh");
    expect(await text("p")).toBe("fresh");
  });

  test("missing statics are asked for, and a refresh follows", async () => {
    await open(`<p st=".">1</p><!i><!/>`);
    live.send([2, { "1": [4, ["x"]] }]);
    await live.until(() => live.received.some((frame) => frame[0] === "c"), "the question");
    expect(live.received.at(-1)).toEqual(["c", 4]);
    live.send([3, { "0": "not applied" }], ["s", { "4": ["h", "<b st='.'></b>", 0] }]);
    live.send(["f", 3, "plan1", document_(`<p st=".">3</p><!i><b st=".">x</b><!/>`)]);
    await live.applied(3);
    await live.patch(4, { "1": { "0": "y" } });
    expect(await live.html()).toBe("<p>3</p><b>y</b>");
  });

  test("statics are kept for the next page, by hash", async () => {
    await open(`<!i><!/>`);
    live.send(["s", { "1": ["hash1", "<b st='.'></b>", 0] }]);
    await live.patch(2, { "0": [1, ["x"]] });
    await live.page.reload();
    await live.until(() => live.joins === 2, "the second join");
    expect(live.received.at(-1)![6]).toEqual(["hash1"]);
    live.send(["s", { "5": "hash1" }]);
    await live.patch(3, { "0": [5, ["y"]] });
    expect(await live.html()).toBe("<b>y</b>");
    const stats = await live.page.evaluate(() =>
      (globalThis as unknown as { StateTemplate: { client: { getCacheStats(): object } } }).StateTemplate.client.getCacheStats(),
    );
    expect(stats).toMatchObject({ misses: 0, hitRate: 1, cacheSize: 1 });
  });
});

describe("a refresh", () => {
  test("keeps focus, edited fields, ignored subtrees and nodes with ids", async () => {
    await open(`<p st=".">1</p><input id="f" value="" st="1"><div id="w" st-ignore>w</div><details id="d"><summary>s</summary>d</details>`);
    await live.page.fill("#f", "typed");
    await live.page.evaluate(() => {
      document.querySelector("#w")!.textContent = "widget";
      document.querySelector<HTMLDetailsElement>("#d")!.open = true;
      (globalThis as { kept?: Element | null }).kept = document.querySelector("#f");
    });
    live.send([
      "f",
      8,
      "plan2",
      document_(`<h1>New</h1><p st=".">2</p><input id="f" value="server" st="1"><div id="w" st-ignore>w</div><details id="d"><summary>s</summary>dd</details><script data-page="p1" src="/dist/statetemplate.js"></script>`),
    ]);
    await live.applied(8);
    expect(await value("#f")).toBe("typed");
    expect(await active()).toBe("f");
    expect(await text("#w")).toBe("widget");
    expect(await live.page.$eval("#d", (d) => (d as HTMLDetailsElement).open)).toBe(true);
    expect(await live.page.evaluate(() => (globalThis as { kept?: Element }).kept === document.querySelector("#f"))).toBe(true);
    expect(await text("h1")).toBe("New");
    expect(live.joins, "the client's script did not run again").toBe(1);
    await live.patch(9, { "0": "3" });
    expect(await text("p")).toBe("3");
  });
});

describe("st-ignore around what the server changes", () => {
  const page = (text: string): string =>
    document_(`<h1 st=".">${text}</h1><div id="w" st-ignore><!l><!r><b st=".">${text}</b><!/></div><h2 st=".">${text}</h2>`);
  const replaced = async (options?: Options): Promise<void> => {
    live = await LivePage.open(browser, page("1"), options);
    await live.page.$eval("#w", (widget) => widget.replaceChildren("of a script"));
  };

  test("is not kept by a refresh where a script took places of the server's away, so that patches find theirs", async () => {
    await replaced();
    live.send(["f", 2, "plan2", page("2")]);
    await live.applied(2);
    await live.patch(3, { "0": "3", "1": { "0": { "0": "4" } }, "2": "5" });
    expect([await text("h1"), await text("#w"), await text("h2"), live.joins]).toEqual(["3", "4", "5", 1]);
  });

  test("heals with the refresh that a patch brings which finds no place", async () => {
    await replaced({
      onJoin: (join, live) => {
        live.send(["j", join[3]]);
        if (join[2] === "") live.send(["f", 2, "plan1", page("2")]);
      },
    });
    await live.ready("extras");
    live.send([2, { "0": "2", "1": [[]], "2": "2" }]);
    await live.until(() => live.joins === 2, "the second join");
    await live.applied(2);
    await live.patch(3, { "1": { "0": { "0": "4" } }, "2": "5" });
    expect([await text("#w"), await text("h2"), live.joins]).toEqual(["4", "5", 2]);
  });

  test("is kept where they are as they were", async () => {
    live = await LivePage.open(browser, page("1"));
    await live.page.$eval("#w", (widget) => widget.append("of a script"));
    live.send(["f", 2, "plan2", page("2")]);
    await live.applied(2);
    expect([await text("h1"), await text("#w"), await text("h2")]).toEqual(["2", "1of a script", "2"]);
    await live.patch(3, { "2": "3" });
    expect(await text("h2")).toBe("3");
  });
});

describe("a region", () => {
  test("keeps the state of what stays", async () => {
    await open(`<div><!o><input id="f"><b id="b">1</b><!/></div>`);
    await live.page.fill("#f", "typed");
    await live.patch(2, { "0": ['<input id="f"><i>new</i><b id="b">2</b>'] });
    expect(await value("#f")).toBe("typed");
    expect(await active()).toBe("f");
    expect(await text("div")).toBe("new2");
  });
});

test("the ES module works as the script does, and disconnect() removes everything", async () => {
  await open(`<p st=".">1</p><button st-click="go">x</button>`, {
    files: {
      "/module.js": `import { StateTemplateClient } from "/dist/statetemplate.mjs";
        StateTemplate.client.disconnect();
        globalThis.mine = new StateTemplateClient({ debugMode: false });
        globalThis.mine.connect();`,
    },
  });
  await live.page.evaluate(async () => {
    const script = document.createElement("script");
    script.type = "module";
    const policy = (globalThis as unknown as { trustedTypes: { createPolicy(n: string, r: object): { createScriptURL(u: string): string } } }).trustedTypes.createPolicy("test", { createScriptURL: (url: string) => url });
    script.src = policy.createScriptURL("/module.js");
    document.head.append(script);
    await new Promise((resolve) => (script.onload = resolve));
  });
  await live.until(() => live.joins === 2, "the module's join");
  await live.patch(2, { "0": "2" });
  await live.page.click("button");
  await live.action(1);
  expect(live.actions).toEqual([[1, "go", {}]]);
});

describe("what an answer resets", () => {
  test("fields that the server does not fill keep what the person entered", async () => {
    await open(
      `<form st-submit="save"><input id="t" name="t"><input id="c" type="checkbox" name="c" value="1" st="3">` +
        `<select id="s" name="s"><option value="1" st="0.">1</option><option value="2" st="0.">2</option></select><button>go</button></form>`,
    );
    await live.page.fill("#t", "typed");
    await live.page.check("#c");
    await live.page.selectOption("#s", "2");
    await live.page.click("button");
    await live.action(1);
    live.send(["k", 1]);
    await live.until(() => live.received.some((frame) => frame[0] === "k"), "the acknowledgement");
    expect(await value("#t")).toBe("typed");
    expect(await live.page.isChecked("#c")).toBe(true);
    expect(await value("#s")).toBe("2");
  });
});
