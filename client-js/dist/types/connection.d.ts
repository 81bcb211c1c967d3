/** What a page is told about its connection. */
export type ConnectionState = "connecting" | "connected" | "disconnected" | "expired";
/** Why an action failed: a code of the protocol, or one of the client's own (`too_many`, `session_expired`, …). */
export declare class ActionError extends Error {
    readonly code: string;
    readonly name = "ActionError";
    constructor(code: string, message?: string);
}
/** The part of `WebSocket` that a connection uses; `streamed.ts` has another that does the same. */
export interface Socket {
    readyState: number;
    onopen: (() => void) | null;
    binaryType?: string;
    onmessage: ((event: {
        data: string | ArrayBuffer;
    }) => void) | null;
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
export declare const MAX_PENDING = 100;
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
export declare function createConnection(options: ConnectionOptions): Connection;
