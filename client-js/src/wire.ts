//! The frames of `statetemplate.v1`: their names and their types, as PROTOCOL.md describes them.

/** The WebSocket subprotocol that client and server agree on. */
export const PROTOCOL = "statetemplate.v1";

/** The first element of the frames that a client sends; an action starts with its number instead. */
export const ToServer = {
  Join: "j",
  Applied: "a",
  Answered: "k",
  MissingStatics: "c",
} as const;

/** The first element of the frames that a server sends; a patch starts with its revision instead. */
export const FromServer = {
  Joined: "j",
  Answer: "k",
  Error: "e",
  Event: "v",
  Statics: "s",
  Refresh: "f",
  End: "x",
} as const;

/** Reasons of the end frame after which the client does not come back by itself. */
export const FINAL_REASONS: readonly string[] = ["session_expired", "session_closed"];

/** Comments that mark the annotated page; see "The annotated page" in PROTOCOL.md. */
export const Mark = {
  Text: "t",
  Region: "o",
  Branch: "i",
  List: "l",
  Row: "r",
  BranchRow: "q",
  End: "/",
} as const;

/** The attribute that numbers the slots of its element. */
export const MARK_ATTRIBUTE = "st";

/** A part of a fragment's statics: HTML, or a hole for one of the fragment's values. */
export type Part = string | number | [number] | ["i", number] | ["l", number, number];

/** The values of one instance of a fragment, by hole number. */
export type Values = unknown[];

/** Slot number → change. */
export type Patch = Record<string, unknown>;

/** Statics as the server announces them: `[hash, part, …]`, or the hash alone when the client holds it. */
export type StaticsFrame = Record<string, string | [string, ...Part[]]>;

/** A frame that cannot be true: the client drops the socket and asks for a refresh. */
export class ProtocolError extends Error {
  readonly code = "protocol";
}

/** Throws a [`ProtocolError`] that says what was wrong with the frame. */
export function malformed(what: string): never {
  throw new ProtocolError(what);
}

/** Whether a decoded JSON value is an object (and no array). */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
