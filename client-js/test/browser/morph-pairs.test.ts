//! A refresh on what the tests of other morph libraries change: the page becomes what a fresh parse gives, and elements
//! with ids stay the nodes that they were.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launch, LivePage } from "./harness.js";

/** HTML before and after a change; `morph-pairs/README.md` says where they come from. */
interface Pair {
  source: string;
  from: string;
  to: string;
}

const PAIRS = JSON.parse(
  brotliDecompressSync(readFileSync(join(import.meta.dirname, "morph-pairs/pairs.json.br"))).toString(),
  // An attribute of this name is a mark of the protocol's; of an author's own the server says that it is left out.
  (key, value: unknown) => (key === "source" ? value : typeof value === "string" ? value.replace(/ st="\w*"/g, "") : value),
) as Pair[];

interface Client {
  connect(): void;
  disconnect(): void;
}
declare const StateTemplate: { client: Client };

/** Elements of the page before the refresh, by ids that are there once on both sides. */
interface Noting {
  noted: Map<string, Element>;
}

const isDocument = ({ source, from }: Pair): boolean => source.includes("#document") || /<(html|body|head)\b/.test(from);
const pageOf = (body: string): string => `<!DOCTYPE html><html><head><title>T</title></head><body>${body}</body></html>`;

let browser: Browser;
let live: LivePage;
let revision = 1;

beforeAll(async () => {
  browser = await launch();
  live = await LivePage.open(browser, pageOf(""), { csp: null });
});
afterAll(async () => {
  // The pairs name pictures and scripts that are nowhere.
  const errors = live.errors.splice(0);
  expect(errors.filter((error) => !error.startsWith("Failed to load resource"))).toEqual([]);
  await live.close();
  await browser.close();
});

/** Replaces the body's content as a fresh load would, with the client looking away, and joins again. */
async function show(from: string): Promise<void> {
  const { joins } = live;
  await live.page.evaluate((html) => {
    StateTemplate.client.disconnect();
    document.body.innerHTML = html;
    StateTemplate.client.connect();
  }, from);
  await live.until(() => live.joins > joins, "the join");
}

/** Notes the elements with ids that `to` has too, and returns their ids. */
function noteIds(to: string): Promise<string[]> {
  return live.page.evaluate((to) => {
    const unique = (root: Document): Map<string, Element> => {
      const all = [...root.querySelectorAll("[id]")].filter(({ id }) => id);
      return new Map(all.filter(({ id }) => all.filter((other) => other.id === id).length === 1).map((e) => [e.id, e]));
    };
    const next = unique(new DOMParser().parseFromString(to, "text/html"));
    const both = [...unique(document)].filter(([id, element]) => next.get(id)?.nodeName === element.nodeName);
    const noted = ((globalThis as unknown as Noting).noted = new Map(both));
    return [...noted.keys()];
  }, to);
}

/** Where the page differs from a fresh parse of `to`, form properties included, and which noted elements are others now. */
function differences(to: string): Promise<string[]> {
  return live.page.evaluate((to) => {
    const found: string[] = [];
    const properties = ["value", "checked", "selected", "open", "disabled", "selectedIndex", "defaultValue", "muted", "hidden"];
    const childrenOf = (node: Node): unknown[] => {
      const children: unknown[] = [];
      for (const child of (node instanceof HTMLTemplateElement ? node.content : node).childNodes) {
        const text = child.nodeType === 3 ? child.nodeValue! : null;
        if (text !== null && typeof children.at(-1) === "string") children.push((children.pop() as string) + text);
        else children.push(text ?? child);
      }
      return children.filter((child) => child !== "" && !(child as Element).matches?.("script[data-page]"));
    };
    const attributesOf = (element: Element): Record<string, string> =>
      Object.fromEntries(
        [...element.attributes]
          .filter(({ name }) => name !== "data-statetemplate")
          .map(({ name, namespaceURI, value }) => {
            if (name !== "style") return [`${namespaceURI ?? ""} ${name}`, value];
            const probe = document.createElement("i");
            probe.style.cssText = value;
            return [name, probe.style.cssText];
          })
          .sort(([a], [b]) => (a! < b! ? -1 : 1)) as [string, string][],
      );
    const compare = (is: unknown, should: unknown, path: string): void => {
      const say = (what: string, one: unknown, other: unknown): void => {
        if (one !== other) found.push(`${path}: ${what} is ${String(one)}, not ${String(other)}`);
      };
      if (typeof is === "string" || typeof should === "string") return say("text", is, should);
      if (!(is instanceof Element && should instanceof Element)) {
        return say("node", (is as Node)?.nodeName + (is as Node)?.nodeValue, (should as Node)?.nodeName + (should as Node)?.nodeValue);
      }
      say("name", is.nodeName + is.namespaceURI, should.nodeName + should.namespaceURI);
      say("attributes", JSON.stringify(attributesOf(is)), JSON.stringify(attributesOf(should)));
      for (const name of properties) say(name, (is as never)[name], (should as never)[name]);
      const [have, want] = [childrenOf(is), childrenOf(should)];
      for (let at = 0; at < Math.max(have.length, want.length); at++) {
        compare(have[at], want[at], `${path}>${is.localName}[${at}]`);
      }
    };
    // The connection's state is the client's own.
    const root = document.documentElement;
    root.classList.remove("st-connected");
    if (root.classList.length === 0) root.removeAttribute("class");
    const fresh = new DOMParser().parseFromString(to, "text/html");
    compare(root, fresh.documentElement, "");
    for (const [id, element] of (globalThis as unknown as Noting).noted) {
      if (document.getElementById(id) !== element) found.push(`#${id} is another node`);
    }
    return found;
  }, to);
}

async function refresh(to: string): Promise<string[]> {
  await noteIds(to);
  live.send(["f", ++revision, "plan", to]);
  await live.applied(revision);
  return differences(to);
}

describe("parts of pages", () => {
  test.each(PAIRS.filter((pair) => !isDocument(pair)).map((pair, at) => ({ ...pair, at })))(
    "$at $source",
    async ({ from, to }) => {
      await show(from);
      expect(await refresh(pageOf(to))).toEqual([]);
    },
  );
});

describe("whole documents", () => {
  test.each(PAIRS.filter(isDocument).map((pair, at) => ({ ...pair, at })))("$at $source", async ({ from, to }) => {
    const other = live;
    live = await LivePage.open(browser, from, { csp: null });
    try {
      expect(await refresh(to)).toEqual([]);
      live.errors.length = 0;
    } finally {
      await live.close();
      live = other;
    }
  });
});
