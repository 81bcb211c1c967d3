import type { Fields } from "./input.js";
import type { Extras } from "./load.js";
/** What declarative actions need from the client. */
export interface ActionsContext {
    fields: Fields;
    send(action: string, data: unknown, fields: Element[]): Promise<unknown>;
    /** Tells the page that file inputs could not be sent. */
    filesSkipped(action: string, names: string[]): void;
    /** Runs `task` with the extras: now if they are here, else when they are, or did not come; in the order of the calls. */
    later(task: (extras?: Extras) => void): void;
    /** Fires the delayed actions within or around a node, of one event type or of all. */
    flush(around: Node, type?: string): void;
    /** Whether nothing waits for the extras: what needs none may go at once. */
    idle(): boolean;
}
/** Listens on the document until `signal` says stop. */
export declare function listenForActions(context: ActionsContext, signal: AbortSignal): void;
