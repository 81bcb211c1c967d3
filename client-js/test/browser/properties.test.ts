//! Random orders and random typing, in Chromium: the page always becomes what the frames describe.

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch, LivePage } from "./harness.js";

let browser: Browser;

beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

/** A small generator, so that a failure can be repeated: its seed is in the test's name. */
function generator(seed: number): (below: number) => number {
  return (below) => {
    seed = (seed * 1664525 + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
}

/** The order that makes `next` of `old`, with runs as the protocol has them. */
function orderOf(old: string[], next: string[]): unknown[] {
  const order: unknown[] = [];
  for (let at = 0; at < next.length; ) {
    const from = old.indexOf(next[at]!);
    if (from < 0) {
      order.push([next[at++]]);
      continue;
    }
    let count = 1;
    const step = old[from + 1] === next[at + 1] ? 1 : -1;
    while (at + count < next.length && next[at + count] === old[from + step * count]) count++;
    order.push(from, step * count);
    at += count;
  }
  return order;
}

test.each([1, 2, 3])("any order gives the list it describes (seed %i)", async (seed) => {
  const random = generator(seed);
  // A row has a text before its element and one after, so that rows are told apart by their marks alone.
  const row = (id: string): string => `<!r>(<li id="${id}" st="0.">${id}</li>)`;
  let shown = Array.from({ length: 20 }, (_, at) => `r${at}`);
  const live = await LivePage.open(browser, `<ul>head<!l>${shown.map(row).join("")}<!/>foot</ul>`);
  live.send(["s", { "1": ["h", '<!r>(<li id="" st="0."></li>)', 0, 0] }]);
  let made = 0;
  for (let step = 2; step < 60; step++) {
    const next = shown.filter(() => random(8) > 0);
    for (let moves = random(4); moves > 0; moves--) {
      const [moved] = next.splice(random(next.length || 1), 1);
      if (moved) next.splice(random(next.length + 1), 0, moved);
    }
    if (random(6) === 0) next.reverse();
    for (let news = random(3); news > 0; news--) next.splice(random(next.length + 1), 0, `n${made++}`);
    await live.patch(step, { "0": [orderOf(shown, next), {}, 1] });
    expect(await live.page.$eval("ul", (list) => list.textContent)).toBe(
      `head${next.map((id) => `(${id})`).join("")}foot`,
    );
    shown = next;
  }
  // The slots moved with their rows.
  const patches = Object.fromEntries(shown.map((_, at) => [at, { "1": `p${at}` }]));
  await live.patch(100, { "0": patches });
  expect(await live.page.$$eval("li", (items) => items.map((item) => item.textContent))).toEqual(
    shown.map((_, at) => `p${at}`),
  );
  expect(live.joins).toBe(1);
  await live.close();
});

test.each([4, 5, 6])("no typed character is lost, and in the end page and server agree (seed %i)", async (seed) => {
  const random = generator(seed);
  const live = await LivePage.open(
    browser,
    `<input id="f" name="f" value="" st-input="typed" st="2"><p st=".">0</p>`,
  );
  let revision = 1;
  let served = 0;
  let truth = "";
  let expected = "";
  const serve = async (): Promise<void> => {
    // The server answers what has arrived, each action in a frame of its own.
    for (const [number, , payload] of live.actions.slice(served)) {
      served++;
      truth = (payload as { f: string }).f;
      await live.patch(++revision, { "0": truth }, number);
    }
  };
  await live.page.focus("#f");
  for (let step = 0; step < 60; step++) {
    switch (random(4)) {
      case 0:
        // An older or foreign value of the same field, and a change beside it.
        await live.patch(++revision, { "0": `server${random(9)}`, "1": String(step) });
        if (served === live.actions.length && expected === truth) {
          // Nothing of the person's is open: the server's word shows.
          expected = truth = (await live.page.inputValue("#f")) as string;
          await live.page.keyboard.press("End");
        }
        break;
      case 1:
        await serve();
        break;
      default: {
        const key = String.fromCharCode(97 + random(26));
        const before = live.actions.length;
        await live.page.keyboard.type(key);
        expected += key;
        await live.action(before + 1);
      }
    }
    expect(await live.page.inputValue("#f")).toBe(expected);
  }
  await serve();
  expect(await live.page.inputValue("#f")).toBe(expected);
  expect(truth).toBe(expected);
  await live.close();
});
