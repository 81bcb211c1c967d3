//! No value of the data becomes code, markup or an unsafe address in Chromium: at the first render, and when it comes by
//! an update. Every attack of `tests/attacks` stands in every place.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { LivePage, launch } from "../support/browser.mjs";
import { describe, provoke } from "../support/provoke.mjs";
import { Server } from "../support/server.mjs";

let server, browser, context, tables;

before(async () => {
  [server, browser] = await Promise.all([Server.start("statetemplate-end-to-end"), launch()]);
  tables = await (await fetch(`${server.address}/attacks`)).json();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});
beforeEach(async () => {
  context = await browser.newContext();
  await context.addInitScript(`window.provoke = ${provoke}; window.describePage = ${describe};`);
});
afterEach(() => context.close());

const trusted = (place) => tables.places[place].is.trusted === true;

/** The pages, those apart that show what a `|safe` does. */
const pages = (wanted) => [...tables.pages.keys()].filter((page) => tables.pages[page].some(trusted) === wanted);

/** Lets the page's images fail, its frames load and its messages arrive; then does everything a person may do. */
async function provoked(live) {
  return live.page.evaluate(async () => {
    const settle = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    // An attack may keep the page from ever being complete.
    for (let waited = 0; waited < 3000 && document.readyState !== "complete"; waited += 50) await settle(50);
    await settle(100);
    window.provoke(document.body);
    for (const frame of document.querySelectorAll("iframe")) {
      if (frame.contentDocument?.body) window.provoke(frame.contentDocument.body);
    }
    await settle(100);
    return window.describePage();
  });
}

/** Opens a page without waiting for everything on it. */
async function load(page, which) {
  const live = new LivePage(await context.newPage());
  await live.page.goto(`${server.address}/attacks/${page}?which=${which}`, { waitUntil: "domcontentloaded" });
  return live;
}

async function open(page, which) {
  const live = await load(page, which);
  await live.connected();
  return live;
}

async function show(live, which) {
  await live.page.evaluate((which) => StateTemplate.sendUpdate("show", { which }), which);
}

const UNSAFE = /^\s*(javascript:|vbscript:|data:(?!image\/)|view-source:|livescript:)/i;
/** Elements and attributes that a name in the data must not make. */
const POWERFUL = /^(script|style|iframe|object|embed|base|meta|link|svg|math|template|img|body|input|form)$/;

/** Fails where a row is not what the row with the harmless value is. */
function check(page, { places, ran, calls }, { scripts }) {
  const wrong = [];
  const values = [tables.harmless, ...tables.attacks];
  for (const place of tables.pages[page]) {
    const { name, is } = tables.places[place];
    const rows = places[place] ?? [];
    const [harmless] = rows;
    const complain = (value, text) => wrong.push(`${name}, with ${JSON.stringify(value)}: ${text}`);
    if (rows.length !== values.length) complain("all", `${rows.length} rows`);
    for (const [at, row] of rows.entries()) {
      const value = values[at];
      if (row.tag !== "section") complain(value, `a <${row.tag}> between the rows`);
      // A number is a fine end of a name.
      if (is.names && /^-?\d+$/.test(value)) continue;
      if (is.names) {
        if (row.elements.length !== harmless.elements.length) complain(value, `${row.elements}`);
        for (const element of row.elements) {
          if (POWERFUL.test(element)) complain(value, `<${element}>`);
        }
        if (row.handlers.length !== harmless.handlers.length) complain(value, `${row.handlers}`);
      } else if (row.shape !== harmless.shape) {
        complain(value, `${row.shape}\n   instead of ${harmless.shape}`);
      }
      for (const [element, attribute, address] of row.addresses) {
        if (UNSAFE.test(address) && !is.author) complain(value, `${attribute}=${address} of <${element}>`);
      }
      for (const properties of row.properties) {
        if (/ (position|-moz-binding|behavior)( |$)/.test(properties) && !is.declarations) complain(value, properties);
      }
      if (row.properties.length > harmless.properties.length && !is.declarations) complain(value, `${row.properties}`);
      const kept = harmless.properties.filter((properties) => /width/.test(properties)).length;
      if (!/selector/.test(name) && row.properties.filter((properties) => /width/.test(properties)).length < kept) {
        complain(value, `a property is lost: ${row.properties}`);
      }
      const got = calls[place * tables.values + at] ?? [];
      if (is.gets && (scripts || row.handlers.length > 0)) {
        if (got.length === 0) complain(value, "the template's own script did not run");
        if (is.gets === "value" && got.some((got) => got !== value)) complain(value, `it got ${JSON.stringify(got)}`);
      }
    }
  }
  assert.deepEqual(wrong.slice(0, 10), [], `${wrong.length} rows on page ${page}`);
  assert.equal(ran, 0, `${ran} attacks ran on page ${page}`);
}

/** Forgets what the page's scripts were given so far. */
const forget = (live) => live.page.evaluate(() => void (window.calls = {}));

test("no attack changes the first render", async () => {
  for (const page of pages(false)) {
    const live = await open(page, "attacks");
    check(page, await provoked(live), { scripts: true });
    await live.page.close();
  }
});

test("no attack comes by an update", async () => {
  let patches = 0;
  for (const page of pages(false)) {
    const live = await open(page, "harmless");
    await forget(live);
    await show(live, "attacks");
    check(page, await provoked(live), { scripts: false });
    // And as new rows.
    await show(live, "nothing");
    await forget(live);
    await show(live, "attacks");
    check(page, await provoked(live), { scripts: false });
    patches += live.frames.filter(({ received }) => typeof received?.[0] === "number").length;
    await live.page.close();
  }
  assert.ok(patches > 3 * (pages(false).length - 2), `${patches} patches: most pages are patched, not refreshed`);
});

test("what the author trusts does run, on these very pages", async () => {
  for (const page of pages(true)) {
    // What runs there breaks the page as well, so that it may never connect.
    const first = await provoked(await load(page, "attacks"));
    assert.ok(first.ran > 0, `page ${page} shows nothing of what ran`);
    const live = await open(page, "harmless");
    assert.equal((await provoked(live)).ran, 0);
    await show(live, "attacks");
    assert.ok((await provoked(live)).ran > 0, `page ${page} shows nothing of what an update made run`);
  }
});

test("without escaping, each place lets an attack through", async () => {
  const page = await context.newPage();
  await page.goto(`${server.address}/attacks/raw`);
  const open = new Set();
  for (const [place, { is }] of tables.places.entries()) if (!is.still && !is.trusted) open.add(place);
  const tries = ["\"><img", "</p></div></section><img", "'><img", "javascript:", "</script><script>", "</style><img", "</title>", "-->", "\";", "';"];
  const first = (start) => tables.attacks.findIndex((attack) => attack.startsWith(start));
  const order = [...new Set([...tries.map(first).filter((at) => at >= 0), ...tables.attacks.keys()])];
  for (const attack of order) {
    const hit = await page.evaluate(
      async ({ places, attack }) => {
        const hit = new Set();
        const frames = new Map();
        const hear = ({ source }) => {
          // A frame of an attack's own counts for the one around it.
          for (let view = source; view && view !== window; view = view.parent) {
            if (frames.has(view)) hit.add(frames.get(view));
            if (view === view.parent) break;
          }
        };
        addEventListener("message", hear);
        const elements = places.map((place) => {
          const frame = document.createElement("iframe");
          frame.src = `/attacks/raw/${place}/${attack}`;
          const loaded = new Promise((resolve) => frame.addEventListener("load", resolve, { once: true }));
          document.body.append(frame);
          frames.set(frame.contentWindow, place);
          return { frame, loaded };
        });
        const settle = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
        await Promise.race([Promise.all(elements.map(({ loaded }) => loaded)), settle(3000)]);
        for (const { frame } of elements) {
          try {
            if (frame.contentDocument?.body) window.provoke(frame.contentDocument.body);
          } catch {
            // An attack has led the frame away.
          }
        }
        await settle(100);
        removeEventListener("message", hear);
        for (const { frame } of elements) frame.remove();
        return [...hit];
      },
      { places: [...open], attack },
    );
    for (const place of hit) open.delete(place);
    if (open.size === 0) break;
  }
  assert.deepEqual(
    [...open].map((place) => tables.places[place].name),
    [],
  );
});
