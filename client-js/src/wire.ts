//! The frames of `statetemplate.v1`: their names and their types, as PROTOCOL.md describes them.

/** The WebSocket subprotocol that client and server agree on. */
export const PROTOCOL = "statetemplate.v1";

/** The first element of the frames that a client sends; an action starts with its number instead. */
export const enum ToServer {
  Join = "j",
  Applied = "a",
  Answered = "k",
  MissingStatics = "c",
  Ping = "p",
}

/** The first element of the frames that a server sends; a patch starts with its revision instead. */
export const enum FromServer {
  Joined = "j",
  Answer = "k",
  Error = "e",
  Event = "v",
  Statics = "s",
  Refresh = "f",
  End = "x",
}

/** Reasons of the end frame after which the client does not come back by itself. */
export const FINAL_REASON = /^session_/;

/** Where the browser keeps statics for its next pages: an array of `[hash, parts]`. */
export const STATICS_KEY = "statetemplate.statics";

/** Comments that mark the annotated page; see "The annotated page" in PROTOCOL.md. */
export const enum Mark {
  Text = "t",
  Region = "o",
  Branch = "i",
  List = "l",
  Row = "r",
  BranchRow = "q",
  End = "/",
}

/** What the value of the mark attribute consists of, beside attributes. An empty one is a text. */
export const enum Sign {
  Row = "!",
  Tag = "?",
  Text = ".",
}

/** The attribute that numbers the slots of its element. */
export const MARK_ATTRIBUTE = "st";

/**
 * What fills a slot of a new instance: a hole, strings and holes (of a text perhaps with its [`TextPlace`]), or for a list a
 * hole and its rows' fragment.
 */
export type Fill = number | (string | number)[];

/** Where the HTML parser does more to the characters of a text. */
export const enum TextPlace {
  /** drops a line feed that the text begins with: odd numbers */
  First = -1,
  /** replaces NUL, which it drops elsewhere: this one and below */
  Replaced = -2,
  Both = -3,
}

/** The statics of a fragment: its HTML with nothing in its slots, and what fills these, in their order. */
export type Parts = [html: string, ...fills: Fill[]];

/** The values of one instance of a fragment, by hole number. */
export type Values = unknown[];

/** Slot number → change. */
export type Patch = Record<string, unknown>;

/** Statics as the server announces them: with their hash before them, or the hash alone when the client holds it. */
export type StaticsFrame = Record<string, string | [hash: string, ...Parts]>;

/**
 * Throws an error that names the part of a frame (or of the page) that cannot be true. Nothing has changed by then; the
 * client drops the socket and asks for a refresh. The names are short because they are part of the bundle.
 */
export function malformed(what: string): never {
  throw new Error("malformed " + what);
}

/** Whether a decoded JSON value is an object (and no array). */
export function isObject(value: unknown): value is Record<string, unknown> {
  return !!value && typeof value == "object" && !Array.isArray(value);
}
