//! The connection: join and resume, numbered actions and their answers, acknowledgements, reconnecting. Knows no DOM.

import { FINAL_REASON, FromServer, ToServer } from "./wire.js";

/** What a page is told about its connection. */
export type ConnectionState = "connecting" | "connected" | "disconnected" | "expired";

/** Why an action failed: a code of the protocol, or one of the client's own (`too_many`, `session_expired`, …). */
export class ActionError extends Error {
  override readonly name = "ActionError";
  constructor(
    readonly code: string,
    message?: string,
  ) {
    super(message || code);
  }
}

/** The part of `WebSocket` that a connection uses; `streamed.ts` has another that does the same. */
export interface Socket {
  readyState: number;
  onopen: (() => void) | null;
  binaryType?: string;
  onmessage: ((event: { data: string | ArrayBuffer }) => void) | null;
  onclose: (() => void) | null;
  onerror: (() => void) | null;
  send(text: string): void;
  close(): void;
}

export interface ConnectionOptions {
  /** id of the page's session */
  page: string;
  plan: string;
  revision: number;
  /** The longest payload of an action, in UTF-16 units. */
  limit: number;
  /** hashes of the statics held, asked for at each join */
  hashes(): string[];
  /** a frame that is not about the connection itself, or one that is still deflated; in the order of arrival */
  frame(frame: unknown[] | ArrayBuffer, size: number): void;
  state(state: ConnectionState, reason: string): void;
  /**
   * Opens a socket, or with `streaming` what stands in for one where sockets do not work; that calls `upgrade` when they
   * work again.
   */
  createSocket(streaming: boolean, upgrade: () => void): Socket;
}

/** Who the document is to its session. Where the session outlives it, the next document of the tab goes on with it. */
export interface Identity {
  /** id of the session */
  page: string;
  /** the id under which this document's actions are numbered */
  client: string;
  /** the number of the last action */
  last: number;
  /** the actions without an answer, by their numbers */
  pending: Map<number, Pending>;
  /** the session that the tab had on this page before, if it had one; the server takes note once */
  earlier: string[];
}

export interface Pending {
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
/** After so long a silence the client asks whether anybody is there: browsers do not show the pings of sockets. */
const SILENCE = 30_000;
/** The same while an answer is due, which may take its time. */
const SHORT_SILENCE = 5_000;
/** A server with 16 actions in hand reads no further: a page that then joins anew has them answered all the same. */
const PONG_TIMEOUT = 10_000;
/** So often sockets are tried in vain, once they have worked on this page, before streams are tried in turn with them. */
const PATIENCE = 5;

/**
 * The encoding of binary frames that this browser reads. Each that has `Response.json` has it, which came just before in
 * all of them; that they have the class says nothing, since the format came later.
 */
const ENCODING = "json" in Response && "deflate-raw";

/** A page's connection to its session. */
export interface Connection extends Identity {
  /** The plan of the page that is shown. */
  plan: string;
  /** The revision that the page shows. */
  revision: number;
  /** Opens the socket, and again whenever it breaks, until `disconnect` or the session's end. */
  connect(): void;
  /** Closes the socket for good. Unanswered actions wait for the next `connect`. */
  disconnect(): void;
  /** Closes the socket until `wake`: the page is frozen, or the network is gone. */
  pause(): void;
  /** Tries again now instead of later, or asks whether anybody is there: the page or the network is back. */
  wake(): void;
  /** The page cannot be brought up to date by patches: rejoin so that the server sends a refresh. */
  resync(reason: string): void;
  /**
   * Sends an action, now or once joined. `numbered` is called with its number before it leaves.
   * The promise is settled by `settle`, or by the session's end.
   */
  send(name: string, data: unknown, numbered?: (number: number) => void): Promise<unknown>;
  /** The answer to an action has been applied: its value, or an error. Repeated answers are ignored. */
  settle(number: unknown, value: unknown, error?: ActionError): void;
  /** The page shows this revision now. */
  applied(revision: number): void;
  /** Acknowledges what was applied and answered since the last time. */
  acknowledge(): void;
  /** Asks for the statics of a fragment; a refresh follows them. */
  missing(fragment: unknown): void;
}

type Timer = ReturnType<typeof setTimeout> | undefined;

export function createConnection(options: ConnectionOptions): Connection {
  const { limit } = options;
  const pending = new Map<number, Pending>();
  let socket: Socket | null = null;
  let wanted = false;
  let final = "";
  // When the server answered the join of the present socket; 0 until then.
  let joined = 0;
  let attempts = 0;
  let streaming = false;
  let patience = 0;
  let retry: Timer;
  let watch: Timer;
  let appliedDue = false;
  let answeredDue = false;

  const open = (): void => {
    clearTimeout(retry);
    if (socket || final) return;
    socket = options.createSocket(streaming, upgrade);
    expect(JOIN_TIMEOUT);
    socket.onopen = () => {
      const { plan, revision, client, earlier } = self;
      send([ToServer.Join, self.page, plan, revision, client, answered(), options.hashes(), earlier[0], ENCODING]);
    };
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => receive(data);
    socket.onclose = socket.onerror = () => lost("closed");
  };

  const upgrade = (): void => {
    streaming = false;
    // Not told to the page, which loses nothing: the socket is known to work.
    close();
    open();
  };

  const receive = (data: string | ArrayBuffer): void => {
    if (joined) listen();
    // What is about the connection itself is always text.
    if (typeof data != "string") return options.frame(data, data.byteLength);
    let frame: unknown;
    try {
      frame = JSON.parse(data);
    } catch {
      // Reported below: it is no array either.
    }
    if (!Array.isArray(frame)) self.resync("malformed frame");
    else if (frame[0] === FromServer.Joined) onJoined(frame[1], frame[2]);
    else if (frame[0] === FromServer.End) onEnd(frame[1] as string, frame[2] as number);
    else options.frame(frame, data.length);
  };

  const onJoined = (revision: unknown, session: unknown = self.page): void => {
    if (typeof revision !== "number") return self.resync("malformed frame");
    self.page = session as string;
    self.revision = revision;
    joined = Date.now();
    if (!streaming) patience = PATIENCE;
    appliedDue = answeredDue = false;
    listen();
    options.state("connected", "");
    for (const { text } of pending.values()) sendAction(text);
  };

  const onEnd = (reason: string, delay: number): void => {
    if (!FINAL_REASON.test(reason)) return lost(reason, delay);
    final = reason;
    wanted = false;
    close();
    for (const { reject } of pending.values()) reject(new ActionError(reason));
    pending.clear();
    options.state("expired", reason);
  };

  /** The socket is gone against our will: come back after `delay`, or after the next step of the back-off. */
  const lost = (reason: string, delay = 0): void => {
    if (joined && Date.now() - joined > STABLE) {
      attempts = 0;
    } else if (attempts > patience) {
      streaming = !streaming;
    }
    drop(reason);
    if (!wanted) return;
    const longest = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** attempts++);
    // Half of the wait is chance, so that a restarted server does not meet all of its pages at once.
    retry = setTimeout(open, (delay > 0 ? delay : longest / 2) * (1 + Math.random()));
  };

  const drop = (reason: string): void => {
    const had = socket;
    close();
    if (had && !final) options.state("disconnected", reason);
  };

  const close = (): void => {
    clearTimeout(retry);
    clearTimeout(watch);
    const old = socket;
    socket = null;
    joined = 0;
    if (!old) return;
    // Its last events belong to the past; a new socket may be open by then.
    old.onopen = old.onmessage = old.onclose = old.onerror = null;
    old.close();
  };

  /** Expects a frame within `time` milliseconds. */
  const expect = (time: number, otherwise = () => lost("no answer")): void => {
    clearTimeout(watch);
    watch = setTimeout(otherwise, time);
  };

  /** Expects that the silence does not last. */
  const listen = (): void => expect(pending.size ? SHORT_SILENCE : SILENCE, ask);

  const ask = (): void => {
    send([ToServer.Ping]);
    expect(PONG_TIMEOUT);
  };

  const sendAction = (text: string): void => {
    socket?.send(text);
    // Only the first: a person who clicks on and on must not put the discovery of a dead socket off.
    if (pending.size < 2) listen();
  };

  const send = (frame: unknown[]): void => {
    if (socket?.readyState === 1) socket.send(JSON.stringify(frame));
  };

  /** The highest number up to which every action is answered. */
  const answered = (): number => {
    for (const number of pending.keys()) return number - 1;
    return self.last;
  };

  const self: Connection = {
    // What the page is and shows.
    ...options,
    client: randomId(),
    last: 0,
    pending,
    earlier: [],
    connect() {
      wanted = true;
      open();
    },
    disconnect() {
      wanted = false;
      drop("closed");
    },
    pause: () => drop("paused"),
    wake() {
      if (joined) ask();
      else if (wanted) open();
    },
    resync(reason) {
      self.plan = "";
      self.revision = 0;
      lost(reason);
    },
    // An `async` function turns what is thrown into a rejection.
    async send(name, data, numbered) {
      if (final) throw new ActionError(final);
      if (pending.size >= MAX_PENDING) throw new ActionError("too_many");
      // Serialised before the number is taken: data that JSON refuses must not leave a gap.
      const payload = JSON.stringify(data) ?? "null";
      // The server would end the connection, and the same action would end the next one.
      if (payload.length > limit) throw new ActionError("bad_payload", "too long");
      const number = ++self.last;
      const text = `[${number},${JSON.stringify(name)},${payload}]`;
      numbered?.(number);
      return new Promise((resolve, reject) => {
        pending.set(number, { text, resolve, reject });
        if (joined) sendAction(text);
      });
    },
    settle(number, value, error) {
      const action = pending.get(number as number);
      if (!action) return;
      pending.delete(number as number);
      answeredDue = true;
      // A connection that brought an answer was of use, however short it lasts.
      attempts = 0;
      if (joined) listen();
      if (error) action.reject(error);
      else action.resolve(value);
    },
    applied(revision) {
      self.revision = revision;
      // Sockets that bring updates do work, however short they last.
      if (!streaming) patience = attempts + PATIENCE;
      appliedDue = true;
    },
    acknowledge() {
      if (!joined) return;
      if (appliedDue) send([ToServer.Applied, self.revision]);
      if (answeredDue) send([ToServer.Answered, answered()]);
      appliedDue = answeredDue = false;
    },
    missing: (fragment) => send([ToServer.MissingStatics, fragment]),
  };
  return self;
}

function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  // Base64url without padding, but for one of its two signs.
  return btoa(String.fromCharCode(...bytes)).replace(/\W/g, "_").slice(0, 22);
}
