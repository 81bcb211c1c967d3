//! A tab's session outlives its documents: what one leaves in `sessionStorage`, the next one takes up.
//!
//! A duplicated tab, or one that a page opens, begins with a copy of that storage. It is told by two things: a document
//! that is left marks what it leaves, which a copy of one in use is not; and one in use holds a lock by its client's name,
//! which is free after a crash.

import type { Connection, Identity } from "./connection.js";
import type { Extras } from "./load.js";

/** What stands in the storage. */
interface Entry {
  page: string;
  client: string;
  /** the number of the last action */
  sent: number;
  /** the actions without an answer: number and frame */
  waiting: [number, string][];
  /** whether its document has been left */
  left: boolean;
}

/** How long the word is good that a page leaves for the next request of its tab, in seconds. */
const WORD = 10;

export function createFollowing(connection: Connection): Extras["followTab"] {
  return ({ scope, kept }, signal) => follow(connection, scope, kept, signal);
}

async function follow(
  connection: Connection,
  scope: string | undefined,
  kept: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const key = "statetemplate." + scope;
  const before = read(key);
  const isLeft = before?.left;
  const follows = before && (isLeft || (await hold(before.client, true)));
  if (kept !== undefined && !(follows && before.page === connection.page)) {
    return location.reload();
  }
  if (follows) goOn(connection, before, !!isLeft);
  const save = (left: boolean, page = connection.page): void => {
    const { client, last: sent, pending } = connection;
    const waiting = [...pending].map(([number, { text }]) => [number, text]);
    try {
      sessionStorage.setItem(key, JSON.stringify({ page, client, sent, waiting, left }));
    } catch {
      // There is no room, or no storage: a reload starts afresh.
    }
  };
  let release = await hold(connection.client, false);
  let inUse = true;
  save(false, connection.earlier[0]);
  const leave = (): void => {
    if (!inUse) return;
    save(true);
    inUse = false;
    release?.();
  };
  const comeBack = async ({ persisted }: PageTransitionEvent): Promise<void> => {
    if (!persisted) return;
    // From the back-forward cache. Another document of this tab may have gone on meanwhile.
    const now = read(key);
    if (!now?.left || now.client !== connection.client || now.sent !== connection.last) {
      if (now) leaveWord(now.page);
      return location.reload();
    }
    inUse = true;
    save(false);
    release = await hold(connection.client, false);
  };
  // The next page is asked for before this one is hidden.
  addEventListener("beforeunload", () => leaveWord(connection.page), { signal });
  addEventListener("pagehide", leave, { signal });
  addEventListener("pageshow", comeBack, { signal });
  if (!signal.aborted) connection.connect();
}

/** Takes up what the tab's last document left. After a crash that is its session alone: what it sent last is not known. */
function goOn(connection: Identity, { page, client, sent, waiting }: Entry, all: boolean): void {
  if (page !== connection.page) connection.earlier = [page];
  if (!all) return;
  connection.client = client;
  connection.last = sent;
  const none = (): void => {};
  for (const [number, text] of waiting) connection.pending.set(number, { text, resolve: none, reject: none });
}

function read(key: string): Entry | null {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? "null") as Entry | null;
  } catch {
    return null;
  }
}

/** Names the tab's session to the next request, which so shows it at once. It is worth nothing without the browser's cookie. */
function leaveWord(page: string): void {
  const secure = location.protocol === "https:" ? ";secure" : "";
  document.cookie = `statetemplate_tab=${page};path=/;max-age=${WORD};samesite=strict${secure}`;
}

/**
 * Takes the lock of a client, and resolves to what gives it back. With `probe` it resolves to nothing when someone holds
 * the lock, and gives it back at once otherwise. Without locks (plain HTTP) everything is held by someone.
 */
function hold(client: string, probe: boolean): Promise<(() => void) | undefined> {
  return new Promise((resolve) => {
    const taken = (lock: unknown): Promise<void> | undefined => {
      if (!lock) return void resolve(undefined);
      return new Promise<void>((release) => {
        resolve(release);
        if (probe) release();
      });
    };
    if (!navigator.locks) return resolve(undefined);
    navigator.locks.request("statetemplate." + client, { ifAvailable: true }, taken).catch(() => resolve(undefined));
  });
}
