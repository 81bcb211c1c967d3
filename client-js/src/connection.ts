//! The socket: join and resume, numbered actions and their answers, acknowledgements, reconnecting. Knows no DOM.

import { FINAL_REASON, FromServer, PROTOCOL, ToServer } from "./wire.js";

/** What a page is told about its connection. */
export type ConnectionState = "connected" | "disconnected" | "expired";

/** Why an action failed: a code of the protocol, or one of the client's own (`too_many`, `session_expired`, …). */
export class ActionError extends Error {
  override readonly name = "ActionError";
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message || code);
  }
}

/** The part of `WebSocket` that a connection uses. */
export interface Socket {
  readyState: number;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: (() => void) | null;
  onerror: (() => void) | null;
  send(text: string): void;
  close(): void;
}

export interface ConnectionOptions {
  url: string;
  /** id of the page's session */
  page: string;
  plan: string;
  revision: number;
  /** The longest payload of an action, in UTF-16 units. Default 65536, as the server's. */
  limit?: number;
  /** hashes of the statics held, asked for at each join */
  hashes(): string[];
  /** a frame that is not about the connection itself, in the order of arrival */
  frame(frame: unknown[], size: number): void;
  state(state: ConnectionState, reason: string): void;
  createSocket?: (url: string, protocol: string) => Socket;
}

interface Pending {
  text: string;
  resolve(value: unknown): void;
  reject(error: ActionError): void;
}

/** Unanswered actions that are kept at most; more are rejected with `too_many`. */
export const MAX_PENDING = 100;

const FIRST_DELAY = 250;
const LONGEST_DELAY = 30_000;
/** A connection that held this long was a good one: the next failure starts from the first delay. */
const STABLE = 5_000;
const JOIN_TIMEOUT = 10_000;
/** The server gives a handler 30 s; a socket that is silent for longer while an answer is due is dead. */
const ANSWER_TIMEOUT = 45_000;

export class Connection {
  plan: string;
  revision: number;

  #socket: Socket | null = null;
  #wanted = false;
  #final: string | null = null;
  #joined = 0;
  #attempts = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #watch: ReturnType<typeof setTimeout> | undefined;
  #client = randomId();
  #number = 0;
  #pending = new Map<number, Pending>();
  #appliedDue = false;
  #answeredDue = false;

  constructor(private readonly options: ConnectionOptions) {
    this.plan = options.plan;
    this.revision = options.revision;
  }

  /** Whether the server has answered the join of the present socket. */
  get joined(): boolean {
    return this.#joined > 0;
  }

  /** Opens the socket, and again whenever it breaks, until `disconnect` or the session's end. */
  connect(): void {
    this.#wanted = true;
    this.#open();
  }

  /** Closes the socket for good. Unanswered actions wait for the next `connect`. */
  disconnect(): void {
    this.#wanted = false;
    this.#drop("closed by the page");
  }

  /** Closes the socket until `wake`: the page is frozen, or the network is gone. */
  pause(): void {
    this.#drop("paused");
  }

  /** Tries again now instead of later: the page is visible again, or the network is back. */
  wake(): void {
    if (this.#wanted && !this.#socket) this.#open();
  }

  /** The page cannot be brought up to date by patches: rejoin so that the server sends a refresh. */
  resync(reason: string): void {
    this.plan = "";
    this.revision = 0;
    this.#lost(reason);
  }

  /**
   * Sends an action, now or once joined. `numbered` is called with its number before it leaves.
   * The promise is settled by `settle`, or by the session's end.
   */
  send(name: string, data: unknown, numbered?: (number: number) => void): Promise<unknown> {
    if (this.#final) return Promise.reject(new ActionError(this.#final, "session ended"));
    if (this.#pending.size >= MAX_PENDING) {
      return Promise.reject(new ActionError("too_many", "too many actions wait"));
    }
    return new Promise((resolve, reject) => {
      // Serialised before the number is taken: data that JSON refuses must not leave a gap.
      const payload = JSON.stringify(data ?? null);
      // The server would end the connection, and the same action would end the next one.
      if ((payload?.length ?? 0) > (this.options.limit ?? 65536)) return reject(new ActionError("bad_payload", "the action is too long"));
      const number = ++this.#number;
      const text = `[${number},${JSON.stringify(name)},${payload ?? "null"}]`;
      this.#pending.set(number, { text, resolve, reject });
      numbered?.(number);
      if (this.#joined) this.#sendAction(text);
    });
  }

  /** The answer to an action has been applied. Repeated answers are ignored. */
  settle(number: unknown, result: { value: unknown } | { error: ActionError }): void {
    const pending = this.#pending.get(number as number);
    if (!pending) return;
    this.#pending.delete(number as number);
    this.#answeredDue = true;
    if ("error" in result) pending.reject(result.error);
    else pending.resolve(result.value);
  }

  /** The page shows this revision now. */
  applied(revision: number): void {
    this.revision = revision;
    this.#appliedDue = true;
  }

  /** Acknowledges what was applied and answered since the last time. */
  acknowledge(): void {
    if (!this.#joined) return;
    if (this.#appliedDue) this.#send([ToServer.Applied, this.revision]);
    if (this.#answeredDue) this.#send([ToServer.Answered, this.#answered()]);
    this.#appliedDue = this.#answeredDue = false;
  }

  /** Asks for the statics of a fragment; a refresh follows them. */
  missing(fragment: unknown): void {
    this.#send([ToServer.MissingStatics, fragment]);
  }

  #open(): void {
    clearTimeout(this.#retry);
    if (this.#socket || this.#final) return;
    const { url, createSocket } = this.options;
    let socket: Socket;
    try {
      socket = createSocket ? createSocket(url, PROTOCOL) : (new WebSocket(url, PROTOCOL) as unknown as Socket);
    } catch (error) {
      return this.#lost(String(error));
    }
    this.#socket = socket;
    this.#expect(JOIN_TIMEOUT);
    socket.onopen = () => {
      const { page, hashes } = this.options;
      this.#send([ToServer.Join, page, this.plan, this.revision, this.#client, this.#answered(), hashes()]);
    };
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = socket.onerror = () => this.#lost("the socket closed");
  }

  #receive(data: unknown): void {
    let frame: unknown;
    try {
      frame = JSON.parse(data as string);
    } catch {
      // Reported below: it is no array either.
    }
    if (!Array.isArray(frame)) return this.resync("malformed frame");
    if (this.#joined) this.#expect(this.#pending.size > 0 ? ANSWER_TIMEOUT : 0);
    if (frame[0] === FromServer.Joined) this.#onJoined(frame[1]);
    else if (frame[0] === FromServer.End) this.#onEnd(String(frame[1]), Number(frame[2]));
    else this.options.frame(frame, (data as string).length);
  }

  #onJoined(revision: unknown): void {
    if (typeof revision !== "number") return this.resync("malformed join");
    this.revision = revision;
    this.#joined = Date.now();
    this.#appliedDue = this.#answeredDue = false;
    this.#expect(0);
    this.options.state("connected", "");
    for (const { text } of this.#pending.values()) this.#sendAction(text);
  }

  #onEnd(reason: string, delay: number): void {
    if (!FINAL_REASON.test(reason)) return this.#lost(reason, delay > 0 ? delay * (1 + Math.random() / 5) : -1);
    this.#final = reason;
    this.#wanted = false;
    this.#close();
    for (const { reject } of this.#pending.values()) reject(new ActionError(reason, "session ended"));
    this.#pending.clear();
    this.options.state("expired", reason);
  }

  /** The socket is gone against our will: come back after `delay`, or after the next step of the back-off. */
  #lost(reason: string, delay = -1): void {
    if (this.#joined && Date.now() - this.#joined > STABLE) this.#attempts = 0;
    this.#drop(reason);
    if (!this.#wanted) return;
    const longest = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.#attempts++);
    // Half of the delay is chance, so that a restarted server does not meet all of its pages at once.
    const wait = delay >= 0 ? delay : (longest / 2) * (1 + Math.random());
    this.#retry = setTimeout(() => this.#open(), wait);
  }

  #drop(reason: string): void {
    const had = this.#socket !== null;
    this.#close();
    if (had && !this.#final) this.options.state("disconnected", reason);
  }

  #close(): void {
    clearTimeout(this.#retry);
    clearTimeout(this.#watch);
    const socket = this.#socket;
    this.#socket = null;
    this.#joined = 0;
    if (!socket) return;
    // Its last events belong to the past; a new socket may be open by then.
    socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null;
    socket.close();
  }

  /** Expects a frame within `time` milliseconds, 0 for no expectation. */
  #expect(time: number): void {
    clearTimeout(this.#watch);
    if (time) this.#watch = setTimeout(() => this.#lost("no answer"), time);
    else this.#watch = undefined;
  }

  #sendAction(text: string): void {
    if (this.#watch === undefined) this.#expect(ANSWER_TIMEOUT);
    this.#socket?.send(text);
  }

  #send(frame: unknown[]): void {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(frame));
  }

  /** The highest number up to which every action is answered. */
  #answered(): number {
    for (const number of this.#pending.keys()) return number - 1;
    return this.#number;
  }
}

function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
}
