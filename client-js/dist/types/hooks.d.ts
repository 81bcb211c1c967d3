import type { StateTemplateClient } from "./client.js";
/** What a hook's functions have as `this`. */
export interface HookElement {
    el: HTMLElement;
    /** As the client's; the fields within the element count as its source. */
    sendUpdate(action: string, data?: unknown): Promise<unknown>;
    /** Calls `listener` with the data of each event of that name that the server pushes, while the element is there. */
    handleEvent(name: string, listener: (data: unknown) => void): void;
}
/** The functions of a hook, each of which may be missing. `this` also keeps what they put on it. */
export interface Hook {
    /** the element is on the page */
    mounted?(this: HookElement): void;
    /** the server has changed the element or something in it */
    updated?(this: HookElement): void;
    /** the element has left the page */
    destroyed?(this: HookElement): void;
    /** the page has lost its connection */
    disconnected?(this: HookElement): void;
    /** the page is connected again */
    reconnected?(this: HookElement): void;
}
export interface Hooks {
    /** Is told of nodes that will be on the page after the update. */
    added(content: DocumentFragment): void;
    listen(signal: AbortSignal): void;
}
export declare function createHooks(client: StateTemplateClient): Hooks;
