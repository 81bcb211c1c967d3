//! Random typing, random changes of the same fields by the server, random latency: no typed character is ever lost, and
//! when all is answered page and server agree. A failure prints its seed and everything that happened.

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch } from "./harness.js";
import { CHOICES, FIELDS, PuppetPage, Server, START, type Data } from "./input-model.js";

let browser: Browser;

beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

const STEPS = 120;
const NAMES = Object.keys(FIELDS);
const TEXTS = NAMES.filter((name) => FIELDS[name]!.kind === "text");

function generator(seed: number): (below: number) => number {
  return (below) => {
    seed = (seed * 1664525 + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
}

/** One run: the person, the server and the network, each of which does something by turns. */
class Run {
  readonly log: string[] = [];
  readonly server = new Server();
  readonly #random: (below: number) => number;
  /** What the person entered and the server has not accepted yet, and the action that carries it (0 for none). */
  readonly #mine = new Map<string, { value: string; carrier: number }>();
  /** the revision that the page shows */
  #revision = 1;
  /** what was delivered while a composition held it back */
  #held: unknown[][] = [];
  /** the field in which a composition goes on */
  #composing = "";
  /** whether the page has heard the answer to its join */
  #joined = false;
  /** the highest number of an action that has left the page */
  #sent = 0;
  /** what the server does not fill in is the person's for ever */
  #free = START.free!;

  constructor(
    private readonly puppet: PuppetPage,
    seed: number,
  ) {
    this.#random = generator(seed);
  }

  async go(): Promise<void> {
    const join = await this.puppet.connect();
    this.server.join(join[3] as number, false);
    // These need the scripts that the page loads later; from then on it applies each frame at once.
    this.server.refresh();
    this.server.push("opaque", "ready");
    const ready = this.puppet.updates(2);
    while (this.server.down.length > 0) await this.#deliver();
    await ready;
    for (let step = 0; step < STEPS; step++) {
      await this.#step();
      await this.#check();
    }
    await this.#settle();
  }

  #pick<T>(all: readonly T[]): T {
    return all[this.#random(all.length)]!;
  }

  async #step(): Promise<void> {
    const dice = this.#random(20);
    if (dice < 8) return this.#composing ? this.#compose() : this.#act();
    if (dice < 11) return this.#push();
    if (dice < 14) return this.#take(true);
    if (dice < 18) return this.#deliver();
    if (dice < 19) return this.#drop(this.#random(3) === 0);
    this.log.push("the server sends the page anew");
    this.server.refresh();
  }

  /** The person does something to a field. */
  async #act(): Promise<void> {
    const name = this.#random(12) === 0 ? "submit" : this.#pick(NAMES);
    const { keyboard } = this.puppet.page;
    await this.#person(async () => {
      if (name === "submit") {
        await this.puppet.page.$eval("#submit", (button) => (button as HTMLElement).click());
        return "submits the form";
      }
      await this.puppet.focus(name);
      if (FIELDS[name]!.kind === "box") {
        await keyboard.press("Space");
        return `toggles ${name}`;
      }
      if (FIELDS[name]!.kind !== "text") {
        await keyboard.press("ArrowDown");
        return `chooses the next ${name}`;
      }
      await keyboard.press(this.#pick(["Home", "End", "ArrowLeft", "ArrowRight"]));
      switch (this.#random(8)) {
        case 0:
          await keyboard.press("Backspace");
          return `deletes in ${name}`;
        case 1:
          await keyboard.press("Control+z");
          return `undoes in ${name}`;
        case 2:
          await keyboard.press("Control+a");
          await keyboard.press("Delete");
          return `empties ${name}`;
        case 3: {
          this.#composing = name;
          const text = this.#pick(["に", "にほ", "ㅎ"]);
          await this.puppet.cdp.send("Input.imeSetComposition", { text, selectionStart: 1, selectionEnd: 1 });
          return `begins to compose ${text} in ${name}`;
        }
        default: {
          const key = String.fromCharCode(97 + this.#random(26));
          await keyboard.press(key);
          return `types ${key} in ${name}`;
        }
      }
    });
  }

  /** The person goes on with a composition, or ends it. */
  async #compose(): Promise<void> {
    const text = this.#pick(["にほ", "にほん", "한"]);
    const { cdp } = this.puppet;
    const ends = this.#random(3);
    await this.#person(async () => {
      const [start] = [text.length];
      if (ends === 1) await cdp.send("Input.insertText", { text });
      else await cdp.send("Input.imeSetComposition", { text: ends ? "" : text, selectionStart: ends ? 0 : start, selectionEnd: ends ? 0 : start });
      return ends === 1 ? `commits ${text}` : ends ? "cancels the composition" : `composes ${text}`;
    });
    if (ends) {
      this.#composing = "";
      await this.#release();
    }
  }

  /** What waited for the end of a composition is applied in the page's next task. */
  async #release(): Promise<void> {
    await this.puppet.page.evaluate(() => new Promise((resolve) => setTimeout(resolve)));
    for (const frame of this.#held.splice(0)) this.#applied(frame);
    this.#note(await this.puppet.sent(), false);
  }

  /** Runs what a person does, and notes which fields it changed and which action carries that. */
  async #person(what: () => Promise<string>): Promise<void> {
    const before = await this.puppet.shown();
    const did = await what();
    const after = await this.puppet.shown();
    const sent = await this.puppet.sent();
    // What the end of a composition lets through is not the person's.
    const theirs = (name: string): boolean => this.#held.length === 0 || name === this.#composing;
    const changed = NAMES.filter((name) => before[name] !== after[name] && theirs(name));
    this.log.push(`the person ${did}: ${changed.map((name) => `${name} = ${JSON.stringify(after[name])}`).join(", ")}`);
    for (const name of changed) {
      if (name === "free") this.#free = after.free!;
      else this.#mine.set(name, { value: after[name]!, carrier: 0 });
    }
    this.#note(sent, true);
  }

  /**
   * Notes which fields the actions carry that the page has sent for the first time. Those of a page without a connection
   * leave it later (not `fresh`), when a field may hold something else again.
   */
  #note(sent: unknown[][], fresh: boolean): void {
    this.server.up.push(...sent);
    for (const frame of sent) {
      if (typeof frame[0] !== "number" || frame[0] <= this.#sent) continue;
      const [number, action, payload] = frame as [number, string, Record<string, unknown>];
      this.#sent = number;
      this.log.push(`  action ${JSON.stringify(frame)}`);
      for (const [name, mine] of this.#mine) {
        const key = name === "content" ? "value" : name;
        if (action === "save" ? FIELDS[name]!.sends : !(key in payload)) continue;
        const value = payload[key];
        const text = typeof value === "boolean" ? (value ? "on" : "") : String(value ?? "");
        if (fresh) expect(text, `what action ${number} says of ${name}`).toBe(mine.value);
        if (text === mine.value) mine.carrier = number;
      }
    }
  }

  #push(): void {
    const name = this.#pick(NAMES.filter((name) => FIELDS[name]!.own));
    const { kind } = FIELDS[name]!;
    const value = kind === "text" ? `s${this.#random(10)}` : kind === "box" ? this.#pick(["on", ""]) : this.#pick(CHOICES);
    this.log.push(`the server sets ${name} to ${JSON.stringify(value)}`);
    this.server.push(name, value);
  }

  /** The server takes the next frame in, if there is one. */
  #take(hostile: boolean): void {
    if (this.server.up.length === 0) return;
    this.server.take((values) => {
      const dice = hostile ? this.#random(6) : 9;
      // What a region shows does not say whether the server fills it in, so that it has to be taken as it is.
      if (dice === 0) {
        this.log.push("the server refuses an action");
        return null;
      }
      const taken: Data = {};
      for (const [name, value] of Object.entries(values)) {
        const text = FIELDS[name]!.kind === "text" && name !== "opaque";
        taken[name] = text && dice === 1 ? value.toUpperCase() : text && dice === 2 ? this.server.data[name]! : value;
      }
      this.log.push(`the server makes ${JSON.stringify(taken)} of an action`);
      return taken;
    });
  }

  async #deliver(): Promise<void> {
    const frame = this.server.down.shift();
    if (!frame) return;
    this.log.push(`the page hears ${JSON.stringify(frame).slice(0, 200)}`);
    this.#note(await this.puppet.deliver(frame), false);
    if (frame[0] === "j") this.#joined = true;
    if (this.#composing && frame[0] !== "j") this.#held.push(frame);
    else this.#applied(frame);
  }

  /** The page has applied a frame: what it answers is the server's again, and the rest is as at its revision. */
  #applied(frame: unknown[]): void {
    const [type, first, second] = frame;
    if (typeof type === "number") this.#revision = type;
    else if (type === "f" || type === "j") this.#revision = Math.max(this.#revision, type === "f" ? (first as number) : 0);
    const answered = typeof type === "number" ? second : type === "k" ? first : type === "e" ? first : undefined;
    if (answered === undefined) return;
    for (const [name, mine] of this.#mine) {
      if (mine.carrier !== answered) continue;
      if (type === "e") mine.carrier = 0;
      else this.#mine.delete(name);
    }
  }

  async #drop(whole: boolean): Promise<void> {
    // A page gives sockets up that break before they carried anything, and this one has nothing else.
    if (!this.#joined) return;
    this.#joined = false;
    this.log.push(`the connection breaks; the join is answered with ${whole ? "the whole page" : "a patch"}`);
    this.server.drop();
    this.#held = [];
    await this.puppet.drop();
    const join = await this.puppet.connect();
    expect(join[3], "the revision that the page says it shows").toBe(this.#revision);
    this.server.join(join[3] as number, whole);
  }

  /** Each field shows what the person entered, or else what the server said. */
  async #check(): Promise<void> {
    const shown = await this.puppet.shown();
    const expected: Data = { ...this.server.versions.get(this.#revision), free: this.#free };
    for (const [name, { value }] of this.#mine) expected[name] = value;
    expect(shown).toEqual(expected);
    expect(this.puppet.errors).toEqual([]);
  }

  /** Ends what is under way, sends what was not sent, and lets everything arrive. */
  async #settle(): Promise<void> {
    if (this.#composing) {
      await this.#person(async () => {
        await this.puppet.cdp.send("Input.insertText", { text: "終" });
        return "ends the composition";
      });
      this.#composing = "";
      await this.#release();
    }
    for (let round = 0; this.#mine.size > 0 || this.server.up.length > 0 || this.server.down.length > 0; round++) {
      expect(round, "rounds until everything is answered").toBeLessThan(20);
      while (this.server.up.length > 0) this.#take(false);
      while (this.server.down.length > 0) await this.#deliver();
      await this.#check();
      // What was refused, and what was never submitted, is sent by doing it again.
      for (const [name, { carrier }] of this.#mine) {
        if (carrier !== 0 || !this.#mine.has(name)) continue;
        await this.#person(async () => {
          if (!FIELDS[name]!.sends) {
            await this.puppet.page.$eval("#submit", (button) => (button as HTMLElement).click());
            return "submits the form";
          }
          await this.puppet.focus(name);
          const { kind } = FIELDS[name]!;
          await this.puppet.page.keyboard.press(kind === "text" ? "x" : kind === "box" ? "Space" : this.#random(2) ? "ArrowDown" : "ArrowUp");
          return `goes on in ${name}`;
        });
      }
    }
    const shown = await this.puppet.shown();
    expect(shown, "page and server, at the end").toEqual({ ...this.server.data, free: this.#free });
    for (const name of TEXTS) expect(shown[name]).toBeTypeOf("string");
  }
}

/** `INPUT_SAFETY_SEEDS=1-500` runs others. */
function seeds(): number[] {
  const [first = 1, last = 8] = (process.env.INPUT_SAFETY_SEEDS ?? "").split("-").filter(Boolean).map(Number);
  return Array.from({ length: last - first + 1 }, (_, at) => first + at);
}

test.each(seeds())("what a person enters is never lost, and in the end page and server agree (seed %i)", async (seed) => {
  const puppet = await PuppetPage.open(browser);
  const run = new Run(puppet, seed);
  try {
    await run.go();
  } catch (error) {
    throw new Error(`seed ${seed}, after:\n${run.log.join("\n")}\n${(error as Error).message}`, { cause: error });
  } finally {
    await puppet.close();
  }
});
