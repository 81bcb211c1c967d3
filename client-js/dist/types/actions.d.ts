import type { Fields } from "./input.js";
/** What declarative actions need from the client. */
export interface ActionsContext {
    fields: Fields;
    send(action: string, data: unknown, fields: Element[]): Promise<unknown>;
    /** Tells the page that file inputs could not be sent. */
    filesSkipped(action: string, names: string[]): void;
}
export declare class Actions {
    #private;
    private readonly context;
    constructor(context: ActionsContext);
    start(): void;
    stop(): void;
    /** Fires what waits within or around a node, of one event type or of all. */
    flush(around: Node, type?: string): void;
}
