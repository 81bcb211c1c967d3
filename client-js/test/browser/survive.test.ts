//! What survives: everything that a person or a script did to the page, under everything that a server can change.

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launch, LivePage } from "./harness.js";
import { THINGS, type Thing } from "./survive-things.js";

let browser: Browser;

beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

/** How lists are written: whether rows have ids, and whether the list is marked or opaque. */
interface Shape {
  ids: boolean;
  marks: boolean;
}

/** One state of a list: its rows, and what `mine`, the row of the thing, shows. */
interface State {
  rows?: string[];
  label?: string;
  parent?: string;
  before?: string;
}

const ROWS = ["a", "b", "mine", "c"];
const LIST: Shape = { ids: true, marks: true };

/** The rows of the list around a thing. A row's slots: its class, its label, and a branch before the thing. */
function rows(html: string, list: number, { ids, marks }: Shape, state: State): string {
  const { label = "label", parent = "row", before = "" } = state;
  const mark = (text: string): string => (marks ? text : "");
  return (state.rows ?? ROWS)
    .map((id) => {
      const mine = id === "mine";
      const name = ids ? ` id="${id}${list}"` : "";
      const open = `<li${name} class="${mine ? parent : "row"}"${mark(` st="${ids ? 1 : 0}"`)}>`;
      const text = `<b${mark(` st="."`)}>${mine ? label : id}</b>`;
      const branch = mark("<!i>") + (mine && before ? `<em>${before}</em>` : "") + mark("<!/>");
      return mark("<!r>") + open + text + branch + (mine ? html : "") + "</li>";
    })
    .join("");
}

/** The page with the things of a test, each in a list of its own. */
function page(things: Thing[], shape: Shape, state: State): string {
  const open = shape.marks ? "<!l>" : "<!o>";
  const css = things.map(({ css = "" }, at) => css.replaceAll("#t", "#t" + at)).join("");
  const lists = things.map((thing, at) => `<ul>${open}${rows(htmlOf(thing, at), at, shape, state)}<!/></ul>`).join("");
  return `<!DOCTYPE html><html><head><title>T</title><style>${css}</style></head><body><h1>T</h1>${lists}</body></html>`;
}

function htmlOf({ html }: Thing, at: number): string {
  return html.replace(/"([tu])"/g, `"$1${at}"`);
}

interface Change {
  /** as in "survives when NAME" */
  name: string;
  shape?: Shape;
  /** what each list shows afterwards */
  state: State;
  /** what is sent for each list, or the page if it is sent anew */
  patch?: (thing: Thing, at: number) => unknown;
}

const STATICS = {
  "1": ["h1", `<!r><li id="" class="row" st="0"><b st="."></b></li>`, 0, 0],
  "2": ["h2", `<em st="."></em>`, 0],
};
const EVERYTHING: State = { label: "changed", parent: "row changed", before: "shown", rows: ["n", "a", "mine", "d", "c"] };
const OPAQUE: Shape = { ids: true, marks: false };

const CHANGES: Change[] = [
  { name: "a text changes beside it", state: { label: "changed" }, patch: () => ({ "2": { "1": "changed" } }) },
  {
    name: "an attribute of its parent changes",
    state: { parent: "row changed" },
    patch: () => ({ "2": { "0": "row changed" } }),
  },
  {
    name: "siblings are inserted before it",
    state: { rows: ["n", ...ROWS], before: "shown" },
    patch: () => [[["n"], 0, 4], { "3": { "2": [2, ["shown"]] } }, 1],
  },
  { name: "its row moves", state: { rows: ["mine", "a", "b", "c"] }, patch: () => [[2, 1, 0, 2, 3, 1]] },
  { name: "its row's siblings are removed", state: { rows: ["mine"] }, patch: () => [[2, 1]] },
  { name: "the page is sent anew", state: EVERYTHING },
  { name: "the page is sent anew with its row moved", state: { ...EVERYTHING, rows: ["mine", "n", "b", "c", "a"] } },
  { name: "the page is sent anew, its rows without ids", shape: { ids: false, marks: true }, state: EVERYTHING },
  {
    name: "the opaque part around it is sent anew",
    shape: OPAQUE,
    state: EVERYTHING,
    patch: (thing, at) => [rows(htmlOf(thing, at), at, OPAQUE, EVERYTHING)],
  },
];

/** Brings things about on one page, changes it, and returns what they looked like before and after. */
async function run(things: Thing[], { shape = LIST, state, patch }: Change): Promise<Map<Thing, unknown[]>> {
  const seen = new Map<Thing, unknown[]>();
  const live = await LivePage.open(browser, page(things, shape, {}), { csp: null });
  try {
    for (const [at, thing] of things.entries()) {
      await thing.begin(live, "#t" + at, "#u" + at);
      seen.set(thing, [await thing.state(live, "#t" + at, "#u" + at)]);
    }
    if (patch) {
      const patches = things.map((thing, at): [number, unknown] => [at, patch(thing, at)]);
      live.send(["s", STATICS], [2, Object.fromEntries(patches)]);
    } else {
      live.send(["f", 2, "plan2", page(things, shape, state)]);
    }
    for (const thing of things) if (thing.end) seen.set(thing, [await thing.end(live)]);
    await live.applied(2);
    for (const [at, thing] of things.entries()) {
      seen.get(thing)!.push(await thing.state(live, "#t" + at, "#u" + at));
    }
    const shown = await live.page.$$eval("ul", (lists) =>
      lists.map((list) =>
        [...list.children].map((row) => [row.className, row.querySelector(":scope > b")?.textContent, row.querySelector(":scope > em")?.textContent ?? ""]),
      ),
    );
    const expected = (state.rows ?? ROWS).map((id) => {
      const { label = "label", parent = "row", before = "" } = state;
      return id === "mine" ? [parent, label, before] : ["row", id, ""];
    });
    for (const list of shown) expect(list, "the change itself").toEqual(expected);
    expect(live.joins, "joins").toBe(1);
  } finally {
    await live.close();
  }
  return seen;
}

for (const change of CHANGES) {
  describe(`when ${change.name}`, () => {
    const together = THINGS.filter(({ alone }) => !alone);
    let all: Promise<Map<Thing, unknown[]>> | undefined;
    for (const thing of THINGS) {
      const limit = thing.limit?.when.includes(change.name) ? thing.limit : null;
      test(`${thing.name} ${limit ? "cannot survive" : "survives"}`, async () => {
        const seen = await (thing.alone ? run([thing], change) : (all ??= run(together, change)));
        const [before, after] = seen.get(thing)!;
        expect(after).toEqual(limit ? limit.state : before);
      });
    }
  });
}
