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
    /** The same without loading the extras, and without keeping actions waiting for them. */
    soon(task: (extras?: Extras) => void): void;
    /** Whether nothing waits for the extras: what needs none may go at once. */
    idle(): boolean;
}
export interface Actions {
    /** Listens on the document until `signal` says stop. */
    listen(signal: AbortSignal): void;
    /** Does an element's action: asks, takes the payload (to which `more` is added), waits as long as it says, and sends. */
    act(event: Event, element: Element, action: string, more?: object): void;
}
export declare function createActions({ fields, send, filesSkipped, later, soon, idle }: ActionsContext): Actions;
