/** The WebSocket subprotocol that client and server agree on. */
export declare const PROTOCOL = "statetemplate.v1";
/** The first element of the frames that a client sends; an action starts with its number instead. */
export declare const ToServer: {
    readonly Join: "j";
    readonly Applied: "a";
    readonly Answered: "k";
    readonly MissingStatics: "c";
};
/** The first element of the frames that a server sends; a patch starts with its revision instead. */
export declare const FromServer: {
    readonly Joined: "j";
    readonly Answer: "k";
    readonly Error: "e";
    readonly Event: "v";
    readonly Statics: "s";
    readonly Refresh: "f";
    readonly End: "x";
};
/** Reasons of the end frame after which the client does not come back by itself. */
export declare const FINAL_REASONS: readonly string[];
/** Comments that mark the annotated page; see "The annotated page" in PROTOCOL.md. */
export declare const Mark: {
    readonly Text: "t";
    readonly Region: "o";
    readonly Branch: "i";
    readonly List: "l";
    readonly Row: "r";
    readonly BranchRow: "q";
    readonly End: "/";
};
/** The attribute that numbers the slots of its element. */
export declare const MARK_ATTRIBUTE = "st";
/** A part of a fragment's statics: HTML, or a hole for one of the fragment's values. */
export type Part = string | number | [number] | ["i", number] | ["l", number, number];
/** The values of one instance of a fragment, by hole number. */
export type Values = unknown[];
/** Slot number → change. */
export type Patch = Record<string, unknown>;
/** Statics as the server announces them: `[hash, part, …]`, or the hash alone when the client holds it. */
export type StaticsFrame = Record<string, string | [string, ...Part[]]>;
/** A frame that cannot be true: the client drops the socket and asks for a refresh. */
export declare class ProtocolError extends Error {
    readonly code = "protocol";
}
/** Throws a [`ProtocolError`] that says what was wrong with the frame. */
export declare function malformed(what: string): never;
/** Whether a decoded JSON value is an object (and no array). */
export declare function isObject(value: unknown): value is Record<string, unknown>;
