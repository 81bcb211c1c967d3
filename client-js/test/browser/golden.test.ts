//! Runs the golden files of the protocol in Chromium, under the strict policy and on the built bundle.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launch, LivePage, normalise } from "./harness.js";

interface Golden {
  name: string;
  page: string;
  frames: unknown[][];
  html: string[];
}

const FOLDER = join(import.meta.dirname, "../../golden");

let browser: Browser;
let plain: Page;

beforeAll(async () => {
  browser = await launch();
  plain = await browser.newPage();
});
afterAll(() => browser.close());

describe("golden files", () => {
  for (const file of readdirSync(FOLDER).filter((name) => name.endsWith(".json"))) {
    test(file, async () => {
      const golden = JSON.parse(readFileSync(join(FOLDER, file), "utf8")) as Golden;
      expect(golden.html).toHaveLength(golden.frames.length);
      // A page may carry inline styles, which the strict policy reports; those run without it.
      const csp = /style(=|>)/.test(JSON.stringify(golden)) ? null : undefined;
      const live = await LivePage.open(browser, golden.page, csp === null ? { csp } : {});
      for (const [at, frame] of golden.frames.entries()) {
        const revision = typeof frame[0] === "number" ? frame[0] : frame[0] === "f" ? (frame[1] as number) : null;
        // Every other frame comes deflated, so that the two kinds alternate.
        if (at % 2) live.sendDeflated(frame);
        else live.send(frame);
        if (revision !== null) await live.applied(revision);
        const expected = await plain.evaluate(normalise, golden.html[at]!);
        expect(await live.html(), `after frame ${at}`).toBe(expected);
      }
      expect(live.joins, "no frame made the client ask for a refresh").toBe(1);
      await live.close();
    });
  }
});
