//! New instances: nothing in them loads or comes to life before they are filled and on the page.

import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Browser } from "playwright-core";
import { launch, LivePage } from "./harness.js";

let browser: Browser;
let live: LivePage;

beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());
afterEach(() => live.close());

const CARDS = { "1": ["h1", `<!r><x-card label="" st="0"></x-card>`, 0] };
const PICTURES = { "1": ["h1", `<!r><img alt="" src="" st="1">`, ["/picture-", 0]] };

test("a custom element comes to life on the page, with the attributes that it was given", async () => {
  live = await LivePage.open(browser, `<section><!l><!/></section>`);
  await live.page.evaluate(() => {
    const log: string[] = ((globalThis as unknown as { log: string[] }).log = []);
    customElements.define(
      "x-card",
      class extends HTMLElement {
        static observedAttributes = ["label"];
        constructor() {
          super();
          log.push("made");
        }
        attributeChangedCallback(name: string, before: string | null, after: string | null): void {
          log.push(`${name} ${before} ${after} ${this.isConnected}`);
        }
        connectedCallback(): void {
          log.push("connected " + this.getAttribute("label"));
        }
      },
    );
  });
  live.send(["s", CARDS]);
  await live.patch(2, { "0": [[["a"], ["b"]], {}, 1] });
  expect(await live.page.evaluate(() => (globalThis as unknown as { log: string[] }).log)).toEqual(
    ["a", "b"].flatMap((label) => ["made", `label null ${label} true`, `connected ${label}`]),
  );
});

test("an image is loaded from the address that it was given, and from no other", async () => {
  live = await LivePage.open(browser, `<section><!l><!/></section>`, { csp: null });
  const asked: string[] = [];
  await live.page.route("**/*picture*", (route) => {
    asked.push(new URL(route.request().url()).pathname);
    return route.fulfill({ contentType: "image/svg+xml", body: `<svg xmlns="http://www.w3.org/2000/svg"/>` });
  });
  const failed = await live.page.evaluateHandle(() => {
    const failed: string[] = [];
    document.addEventListener("error", ({ target }) => failed.push((target as Element).outerHTML), true);
    return failed;
  });
  live.send(["s", PICTURES]);
  await live.patch(2, { "0": [[["a"], ["b"]], {}, 1] });
  await expect.poll(() => asked.length).toBe(2);
  await live.patch(3, { "0": [[0, 2, ["c"]], {}, 1] });
  await expect.poll(() => asked.length).toBe(3);
  expect(asked.sort()).toEqual(["/picture-a", "/picture-b", "/picture-c"]);
  expect(await failed.jsonValue()).toEqual([]);
});

test("what is for pages without scripts stays text", async () => {
  live = await LivePage.open(browser, `<section><!l><!/></section>`, { csp: null });
  live.send(["s", { "1": ["h1", `<!r><p st></p><noscript>&lt;img src="/never"></noscript>`, 0] }]);
  await live.patch(2, { "0": [[["a"], ["b"]], {}, 1] });
  const shown = await live.page.$$eval("noscript", (all) => all.map(({ textContent, childElementCount }) => [textContent, childElementCount]));
  expect(shown).toEqual([["<img src=\"/never\">", 0], ["<img src=\"/never\">", 0]]);
});
