//! A page full of fields, the server behind it, and what a person sees: the model that random tests of input safety run.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, CDPSession, Page } from "playwright-core";

const ORIGIN = "http://statetemplate.test";
const DIST = join(import.meta.dirname, "../../dist");

/** What the server holds: one value for each field. */
export type Data = Record<string, string>;

/** Fields by name; `own` is what the server fills in, `sends` whether each edit is an action of its own. */
export const FIELDS: Record<string, { kind: "text" | "box" | "radio" | "select"; sends: boolean; own: boolean }> = {
  input: { kind: "text", sends: true, own: true },
  area: { kind: "text", sends: true, own: true },
  content: { kind: "text", sends: true, own: true },
  opaque: { kind: "text", sends: true, own: true },
  box: { kind: "box", sends: true, own: true },
  radio: { kind: "radio", sends: true, own: true },
  select: { kind: "select", sends: true, own: true },
  line: { kind: "text", sends: false, own: true },
  lines: { kind: "text", sends: false, own: true },
  tick: { kind: "box", sends: false, own: true },
  free: { kind: "text", sends: false, own: false },
};

/** The choices of the radio buttons and the select. */
export const CHOICES = ["one", "two", "three"];

export const START: Data = {
  input: "i",
  area: "a",
  content: "c",
  opaque: "o",
  box: "",
  radio: "one",
  select: "one",
  line: "l",
  lines: "ls",
  tick: "on",
  free: "",
};

const escape = (text: string): string => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/"/g, "&quot;");

/** The annotated page. Its slots are numbered as in `patchOf`. */
function pageOf(data: Data): string {
  const when = (name: string, value: string, attribute: string): string => (data[name] === value ? " " + attribute : "");
  const radios = CHOICES.map(
    (choice) => `<input type="radio" name="radio" value="${choice}" st-change="set"${when("radio", choice, "checked")} st="?">`,
  );
  const options = CHOICES.map((choice) => `<option${when("select", choice, "selected")} st="?">${choice}</option>`);
  return (
    `<!DOCTYPE html><html><head><title>T</title></head><body>` +
    `<input name="input" value="${escape(data.input!)}" st-input="set" st="1">` +
    `<textarea name="area" st-input="set" st=".">${escape(data.area!)}</textarea>` +
    `<div contenteditable id="content" st-input="set" st=".">${escape(data.content!)}</div>` +
    `<p><!o>${opaqueOf(data)}<!/></p>` +
    `<input type="checkbox" name="box" st-change="set"${when("box", "on", "checked")} st="?">` +
    `${radios.join("")}<select name="select" st-change="set">${options.join("")}</select>` +
    `<form st-submit="save"><input name="line" value="${escape(data.line!)}" st="1"><textarea name="lines" st=".">` +
    `${escape(data.lines!)}</textarea><input type="checkbox" name="tick"${when("tick", "on", "checked")} st="?">` +
    `<input name="free"><button id="submit">save</button></form></body></html>`
  );
}

function opaqueOf(data: Data): string {
  return `<label>opaque <input name="opaque" value="${escape(data.opaque!)}" st-input="set"></label>`;
}

/** The patch from one state of the data to another. */
function patchOf(from: Data, to: Data): Record<string, unknown> {
  const patch: Record<string, unknown> = {};
  const text = (slot: number, name: string): void => {
    if (from[name] !== to[name]) patch[slot] = to[name];
  };
  const tag = (slot: number, name: string, value: string, attribute: string): void => {
    if ((from[name] === value) !== (to[name] === value)) patch[slot] = { [attribute]: to[name] === value ? "" : null };
  };
  text(0, "input");
  text(1, "area");
  text(2, "content");
  if (from.opaque !== to.opaque) patch[3] = [opaqueOf(to)];
  tag(4, "box", "on", "checked");
  for (const [at, choice] of CHOICES.entries()) tag(5 + at, "radio", choice, "checked");
  for (const [at, choice] of CHOICES.entries()) tag(8 + at, "select", choice, "selected");
  text(11, "line");
  text(12, "lines");
  tag(13, "tick", "on", "checked");
  return patch;
}

/** What the server made of an action. */
type Outcome = { ok: true } | { ok: false; code: string };

/** The server: the data, its revisions, the ledger, and one connection with what it has sent and not delivered. */
export class Server {
  data: Data = { ...START };
  revision = 1;
  /** frames on their way to the page, and frames on their way to the server */
  down: unknown[][] = [];
  up: unknown[][] = [];
  readonly versions = new Map<number, Data>([[1, { ...START }]]);
  #ledger = new Map<number, Outcome>();
  #shown = 1;

  /** Changes a field of its own accord. */
  push(name: string, value: string): void {
    this.#commit({ [name]: value });
    this.#catchUp([]);
  }

  /** Sends the whole page, as after a deploy. */
  refresh(): void {
    this.#shown = this.revision;
    this.down.push(["f", this.revision, "plan", pageOf(this.data)]);
  }

  /** Takes the next frame in. `decide` says what becomes of an action that is new. */
  take(decide: (values: Data) => Data | null): void {
    const [first, , payload] = this.up.shift()!;
    if (typeof first !== "number") return;
    let outcome = this.#ledger.get(first);
    if (!outcome) {
      const values = decide(valuesOf(payload as Record<string, unknown>));
      outcome = values ? { ok: true } : { ok: false, code: "refused" };
      if (values) this.#commit(values);
      this.#ledger.set(first, outcome);
    }
    if (outcome.ok) this.#catchUp([first]);
    else this.down.push(["e", first, outcome.code, ""]);
  }

  /** The connection breaks: what is under way is lost. */
  drop(): void {
    this.up = [];
    this.down = [];
  }

  /** Answers a join, with the patch from what the page shows or with the whole page. */
  join(revision: number, whole: boolean): void {
    this.#shown = whole ? this.revision : revision;
    this.down.push(["j", revision]);
    if (whole) this.refresh();
    else this.#catchUp([]);
  }

  #commit(values: Data): void {
    this.data = { ...this.data, ...values };
    this.versions.set(++this.revision, this.data);
  }

  #catchUp(answer: number[]): void {
    const patch = patchOf(this.versions.get(this.#shown)!, this.data);
    if (Object.keys(patch).length > 0) {
      this.#shown = this.revision;
      this.down.push([this.revision, patch, ...answer]);
    } else if (answer.length > 0) {
      this.down.push(["k", answer[0]]);
    }
  }
}

/** The values that an action carries, as the data has them. Controls that are not checked are not in a form's. */
function valuesOf(payload: Record<string, unknown>): Data {
  const values: Data = {};
  for (const [name, value] of Object.entries(payload)) {
    if (name === "value") values.content = String(value);
    else if (FIELDS[name]?.own) values[name] = typeof value === "boolean" ? (value ? "on" : "") : String(value);
  }
  if ("line" in payload) values.tick ??= "";
  return values;
}

/** The page in Chromium. Its socket is a puppet: what it sends is kept, and it hears what a test lets it hear. */
export class PuppetPage {
  private constructor(
    readonly page: Page,
    readonly cdp: CDPSession,
    readonly errors: string[],
  ) {}

  static async open(browser: Browser): Promise<PuppetPage> {
    const context = await browser.newContext();
    const page = await context.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    await page.addInitScript(() => {
      const puppet = ((globalThis as unknown as PuppetWindow).puppet = { sent: [] as string[], socket: null as never });
      class Puppet {
        readyState = 0;
        onopen?: () => void;
        onmessage?: (event: { data: string }) => void;
        constructor() {
          puppet.socket = this as never;
        }
        send(text: string): void {
          puppet.sent.push(text);
        }
        close(): void {
          this.readyState = 3;
        }
      }
      (globalThis as { WebSocket: unknown }).WebSocket = Puppet;
    });
    const script = `<script src="/dist/statetemplate.js" data-page="p" data-plan="plan" data-revision="1" defer></script>`;
    await page.route(`${ORIGIN}/**`, async (route) => {
      const { pathname } = new URL(route.request().url());
      if (pathname === "/") {
        await route.fulfill({ body: pageOf(START).replace("</head>", script + "</head>"), contentType: "text/html" });
      } else if (pathname.startsWith("/dist/")) {
        await route.fulfill({ body: readFileSync(join(DIST, pathname.slice(6))), contentType: "text/javascript" });
      } else {
        await route.fulfill({ status: 204, body: "" });
      }
    });
    await page.goto(ORIGIN);
    await page.waitForFunction(() => (globalThis as unknown as PuppetWindow).puppet.socket);
    return new PuppetPage(page, await context.newCDPSession(page), errors);
  }

  /** Opens the socket that the page waits for, and returns its join. */
  async connect(): Promise<unknown[]> {
    const [join] = await this.#run(() => {
      const { socket } = (globalThis as unknown as PuppetWindow).puppet;
      socket.readyState = 1;
      socket.onopen();
    });
    return join!;
  }

  /**
   * Breaks the connection; the page opens the next one at once. For the page a minute has gone by meanwhile: sockets that
   * break soon, again and again, are ones that do not work, in place of which it would stream.
   */
  drop(): Promise<unknown[][]> {
    return this.#run(() => {
      const { now } = Date;
      Date.now = () => now() + 60_000;
      (globalThis as unknown as PuppetWindow).puppet.socket.onclose();
      dispatchEvent(new Event("online"));
    });
  }

  /** Lets the page hear a frame, and returns what it sends at once. */
  async deliver(frame: unknown[]): Promise<unknown[][]> {
    await this.page.evaluate(
      (data) => (globalThis as unknown as PuppetWindow).puppet.socket.onmessage({ data }),
      JSON.stringify(frame),
    );
    return this.sent();
  }

  /** What the page has sent since the last time. */
  sent(): Promise<unknown[][]> {
    return this.#run(() => {});
  }

  async #run(what: () => void): Promise<unknown[][]> {
    await this.page.evaluate(what);
    const texts = await this.page.evaluate(() => (globalThis as unknown as PuppetWindow).puppet.sent.splice(0));
    return texts.map((text) => JSON.parse(text) as unknown[]);
  }

  /** Waits until the page has been brought up to date so many times. */
  updates(count: number): Promise<unknown> {
    return this.page.evaluate(
      (count) =>
        new Promise((resolve) => {
          document.addEventListener("statetemplate:update", () => --count === 0 && resolve(null));
        }),
      count,
    );
  }

  /** What each field shows. */
  shown(): Promise<Data> {
    return this.page.evaluate(() => {
      const data: Data = {};
      for (const field of document.querySelectorAll<HTMLInputElement>("input, textarea, select")) {
        if (field.type === "checkbox") data[field.name] = field.checked ? "on" : "";
        else if (field.type === "radio") data[field.name] = field.checked ? field.value : (data[field.name] ?? "");
        else data[field.name] = field.value;
      }
      data.content = document.querySelector("#content")!.textContent!;
      return data;
    });
  }

  focus(name: string): Promise<void> {
    const checked = name === "radio" ? ":checked" : "";
    return this.page.focus(name === "content" ? "#content" : `[name=${name}]${checked}`);
  }

  close(): Promise<void> {
    return this.page.context().close();
  }
}

interface PuppetWindow {
  puppet: {
    sent: string[];
    socket: { readyState: number; onopen(): void; onclose(): void; onmessage(event: { data: string }): void };
  };
}
