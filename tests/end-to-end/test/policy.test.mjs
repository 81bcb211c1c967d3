//! Every example under the strict policy that the client promises to work under, in Chromium: it is live, and the policy bites.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { LivePage, launch } from "../support/browser.mjs";
import { Server } from "../support/server.mjs";

/** What the policy has to be, directive by directive. */
const STRICT = {
  "default-src": "'none'",
  "script-src": "'self'",
  "connect-src": "'self'",
  "style-src": "'self'",
  "require-trusted-types-for": "'script'",
};
/** What a page may add: none of it lets code, styles or connections in. */
const BESIDE = ["img-src", "base-uri", "form-action", "frame-ancestors"];

const folder = join(import.meta.dirname, "../../../examples");
const examples = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());

let browser;

before(async () => {
  browser = await launch();
});
after(() => browser?.close());

test("there are examples", () => assert.ok(examples.length > 1));

for (const { name } of examples) {
  test(`the policy of ${name}`, async () => {
    const server = await Server.start(name);
    const context = await browser.newContext();
    try {
      const live = await LivePage.open(context, server.address);
      await live.idle();
      const response = await live.page.request.get(server.address);
      const directives = response
        .headers()
        ["content-security-policy"].split(";")
        .map((directive) => directive.trim().split(/\s+/))
        .map(([directive, ...sources]) => [directive, sources.join(" ")]);
      const policy = Object.fromEntries(directives);
      assert.equal(Object.keys(policy).length, directives.length, "no directive twice, of which the first would count");
      for (const [directive, sources] of Object.entries(STRICT)) assert.equal(policy[directive], sources, directive);
      for (const directive of Object.keys(policy)) assert.ok(directive in STRICT || BESIDE.includes(directive), directive);
      live.healthy();

      const refused = await live.page.evaluate(async () => {
        const seen = [];
        document.addEventListener("securitypolicyviolation", ({ effectiveDirective, disposition }) => {
          if (disposition === "enforce") seen.push(effectiveDirective);
        });
        const attempt = async (what) => {
          try {
            await what();
          } catch {
            // It is refused.
          }
        };
        await attempt(() => (document.body.innerHTML += "<b>by a script</b>"));
        await attempt(() => document.body.append(Object.assign(document.createElement("script"), { text: "window.ran = true" })));
        await attempt(() => document.body.setAttribute("style", "color: red"));
        await attempt(() => fetch("http://127.0.0.1:9/", { mode: "no-cors" }));
        await attempt(() => document.body.append(Object.assign(document.createElement("iframe"), { src: "/" })));
        // Frames are refused when they navigate.
        for (let waited = 0; waited < 5_000 && !seen.includes("frame-src"); waited += 20) {
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        return { seen: [...new Set(seen)].sort(), ran: window.ran };
      });
      assert.equal(refused.ran, undefined);
      assert.deepEqual(refused.seen, ["connect-src", "frame-src", "require-trusted-types-for", "style-src-attr"]);
    } finally {
      await context.close();
      await server.stop();
    }
  });
}
