//! Serves pages with the built client to Chromium and speaks the server's half of the protocol with them.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { chromium, type Browser, type BrowserContext, type Page, type WebSocketRoute } from "playwright-core";

/** The policy that the client promises to work under. */
export const CSP =
  "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; require-trusted-types-for 'script'";

const ORIGIN = "http://statetemplate.test";
const DIST = join(import.meta.dirname, "../../dist");

/** Starts the Chromium that `CHROMIUM` names (default: Debian's). */
export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

export interface Options {
  /** the page's Content-Security-Policy; `CSP` if left out, none if null */
  csp?: string | null;
  /** more attributes of the client's script element */
  attributes?: string;
  /** answers the join; left out: `["j", revision]` */
  onJoin?: (join: unknown[], live: LivePage) => void;
  /** files served beside dist, by path */
  files?: Record<string, string>;
  /** what a request for this path waits for; a rejection fails it */
  before?: (path: string) => Promise<void> | undefined;
}

/** A page in Chromium whose socket ends in the test. */
export class LivePage {
  /** frames that the client sent, joins included */
  readonly received: unknown[][] = [];
  /** uncaught errors and CSP violations; a test is only good when there are none */
  readonly errors: string[] = [];
  joins = 0;
  #socket: WebSocketRoute | null = null;
  #waiting: (() => void)[] = [];

  private constructor(
    readonly page: Page,
    private readonly context: BrowserContext,
  ) {}

  static async open(browser: Browser, html: string, options: Options = {}): Promise<LivePage> {
    const context = await browser.newContext();
    const page = await context.newPage();
    const live = new LivePage(page, context);
    page.on("pageerror", (error) => live.errors.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error") live.errors.push(message.text());
    });
    const script = `<script src="/dist/statetemplate.js" data-page="p1" data-plan="plan1" data-revision="1" defer ${options.attributes ?? ""}></script>`;
    const body = html.includes("</head>") ? html.replace("</head>", `${script}</head>`) : script + html;
    await page.route(`${ORIGIN}/**`, async (route) => {
      const { pathname } = new URL(route.request().url());
      const file = options.files?.[pathname];
      try {
        await options.before?.(pathname);
      } catch {
        return route.abort();
      }
      if (pathname === "/") {
        const headers: Record<string, string> = { "content-type": "text/html; charset=utf-8" };
        const csp = options.csp === undefined ? CSP : options.csp;
        if (csp) headers["content-security-policy"] = csp;
        await route.fulfill({ body, headers });
      } else if (file !== undefined) {
        await route.fulfill({ body: file, contentType: "text/javascript" });
      } else if (pathname.startsWith("/dist/")) {
        await route.fulfill({ body: readFileSync(join(DIST, pathname.slice(6))), contentType: "text/javascript" });
      } else {
        await route.fulfill({ status: pathname === "/favicon.ico" ? 204 : 404, body: "" });
      }
    });
    await page.routeWebSocket(/\/ws$/, (socket) => {
      live.#socket = socket;
      socket.onMessage((text) => {
        const frame = JSON.parse(String(text)) as unknown[];
        live.received.push(frame);
        if (frame[0] === "j") {
          live.joins++;
          if (options.onJoin) options.onJoin(frame, live);
          else live.send(["j", frame[3]]);
        }
        for (const wake of live.#waiting.splice(0)) wake();
      });
    });
    await page.goto(`${ORIGIN}/`);
    await live.until(() => live.joins > 0, "the join");
    return live;
  }

  /** Sends frames to the page. */
  send(...frames: unknown[]): void {
    for (const frame of frames) this.#socket!.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  }

  /** Sends a frame as a binary message. */
  sendDeflated(frame: unknown): void {
    this.sendBytes(deflateRawSync(JSON.stringify(frame)));
  }

  sendBytes(bytes: Buffer): void {
    this.#socket!.send(bytes);
  }

  /** Sends a patch and waits until the page has acknowledged it. */
  async patch(revision: number, patch: unknown, ...answer: unknown[]): Promise<void> {
    this.send([revision, patch, ...answer]);
    await this.applied(revision);
  }

  applied(revision: number): Promise<void> {
    return this.until(() => this.received.some((f) => f[0] === "a" && (f[1] as number) >= revision), `["a",${revision}]`);
  }

  /** Waits until one of the scripts that the client loads when it is idle has arrived. */
  async ready(name: "extras" | "morph"): Promise<void> {
    await this.page.waitForFunction((name) => {
      const here = Object.entries(globalThis).filter(([key]) => key.startsWith("statetemplate."));
      return here.some(([, scripts]) => name in (scripts as object));
    }, name);
    // The script has run; what waited for it runs right after.
    await this.page.evaluate(() => new Promise((resolve) => setTimeout(resolve)));
  }

  /** The actions that arrived: `[n, name, payload]`. */
  get actions(): unknown[][] {
    return this.received.filter((frame) => typeof frame[0] === "number");
  }

  async action(count: number): Promise<unknown[]> {
    await this.until(() => this.actions.length >= count, `action ${count}`);
    return this.actions[count - 1]!;
  }

  /** Waits for a state of what was received, not for time to pass. */
  async until(state: () => boolean, what: string): Promise<void> {
    const end = Date.now() + 10_000;
    while (!state()) {
      const left = end - Date.now();
      if (left <= 0) throw new Error(`timed out waiting for ${what}; got ${JSON.stringify(this.received)} ${this.errors}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** Ends the socket from the server's side. */
  async drop(): Promise<void> {
    await this.#socket!.close();
  }

  html(): Promise<string> {
    return this.page.evaluate(normalise, null);
  }

  async close(): Promise<void> {
    await this.context.close();
    if (this.errors.length > 0) throw new Error(`errors on the page: ${this.errors.join("\n")}`);
  }
}

/**
 * The body's content as golden files write it: without marks (comments and `st` attributes), adjacent texts joined,
 * empty texts dropped, attributes sorted by name, `style` as the browser writes it. Given HTML, the same for that.
 */
export function normalise(html: string | null): string {
  const void_ = /^(area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr)$/;
  const raw = /^(script|style|textarea-never)$/;
  const escape = (text: string): string =>
    text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
  const write = (node: Node): string => {
    if (node.nodeType === 3) {
      return raw.test(node.parentNode!.nodeName.toLowerCase()) ? (node as Text).data : escape((node as Text).data);
    }
    if (node.nodeType !== 1) return "";
    const element = node as HTMLElement;
    const name = element.nodeName.toLowerCase();
    const attributes = [...element.attributes]
      .filter((attribute) => attribute.name !== "st")
      .map(({ name, value }) => {
        if (name !== "style") return [name, value];
        const probe = document.createElement("i");
        probe.style.cssText = value;
        return [name, probe.style.cssText];
      })
      .sort(([a], [b]) => (a! < b! ? -1 : 1))
      .map(([name, value]) => ` ${name}="${escape(value!)}"`);
    const open = `<${name}${attributes.join("")}>`;
    return void_.test(name) ? open : `${open}${content(element)}</${name}>`;
  };
  const content = (parent: Node): string => [...parent.childNodes].map(write).join("");
  if (html === null) return content(document.body);
  return content(new DOMParser().parseFromString(html, "text/html").body);
}
