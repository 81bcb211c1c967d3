import type { Actions } from "./actions.js";
import type { setAttribute } from "./attributes.js";
import type { added, served } from "./changes.js";
import type { CacheStats, StateTemplateClient } from "./client.js";
import type { Connection, Socket } from "./connection.js";
import type { indexTree, ListSlot, RegionSlot, Slot } from "./index-page.js";
import type { Fields } from "./input.js";
import type { Place } from "./order.js";
import type { Change, Patcher } from "./patch.js";
import { type trustedHtml } from "./trust.js";
import type { Parts, StaticsFrame } from "./wire.js";
/** What the scripts get from the core that loaded them. */
export interface Core {
    client: StateTemplateClient;
    act: Actions["act"];
    connection: Connection;
    fields: Fields;
    patcher: Patcher;
    /** Statics that the browser holds, by their content's hash; the least recently used first. */
    held: Map<string, Parts>;
    /** What the cache has done. */
    stats: Omit<CacheStats, "hitRate" | "cacheSize">;
    /** How many fragments' statics are held at most. */
    capacity: number;
    /** Whether statics are kept for the browser's next pages. */
    caching: boolean;
    /** What scripts and people changed, from `changes.ts`. */
    served: typeof served;
    added: typeof added;
    setAttribute: typeof setAttribute;
    indexTree: typeof indexTree;
    trustedHtml: typeof trustedHtml;
    need: Loader["need"];
}
/** What `extras.js` provides. */
export interface Extras {
    /** Prepares the change of a slot whose nodes come and go: a region, a branch that is shown, the order of a list. */
    structure(change: unknown, slot: Slot, changes: Change[]): void;
    /** Parses HTML for the place beside a mark, and tells the hooks of it. */
    parseBeside(html: string, beside: Comment): DocumentFragment;
    /** Takes statics in. */
    announce(frame: StaticsFrame): void;
    /** A frame from its deflated bytes. Rejects when they are malformed, or more than a frame may have. */
    inflate(bytes: ArrayBuffer): Promise<unknown[]>;
    /** The page has another plan now, whose fragments are announced anew. */
    forgetPlan(): void;
    /** Writes the statics that are new to the browser's storage. */
    save(): void;
    /** Runs an action when its element says: now, after a pause, or at most so often. */
    schedule(element: Element, type: string, fire: () => void): void;
    /** Fires what waits for a pause within or around a node, of one event type or of all. */
    flush(around: Node, type?: string): void;
    /** What an event means beyond its plain action, which comes after it. */
    event(event: Event): void;
    /** Shows that the action of an element is in flight, until the promise is settled. */
    flight(element: Element, event: Event, sent: Promise<unknown>): void;
    /**
     * What stands in for a socket. `base` is the address of the client's script, `address` the socket's, which is tried again
     * from time to time: `upgrade` is called when it works.
     */
    streamed(base: string, address: string, upgrade: () => void): Socket;
    /** Listens to more events until `signal` says stop, and then forgets what waits. */
    listen(signal: AbortSignal): void;
}
/** What `dev.js` provides, for development. */
export interface Dev {
    /** A socket that prints what goes over it, or delays it. */
    watch(socket: Socket, debug?: boolean): Socket;
    /** Delays what the page sends and receives, by `round` milliseconds for the two together; 0 for no more. */
    simulateLatency(round: number): void;
}
/** What `morph.js` provides. */
export interface Morph {
    /** Changes the whole document into the page `html`, keeping the state of what stays. */
    refresh(html: string): void;
    /** Prepares the change of a region, whose nodes keep their state where they stay. */
    region(change: unknown, slot: RegionSlot, changes: Change[]): void;
    /** Which rows of a list that change places stay where they are. */
    staying(slot: ListSlot, places: Place[]): boolean[];
    /** Moves a node with its state (focus, scroll, playing media, iframes) where the browser can. */
    move(parent: ParentNode & Node, node: Node, before: Node | null): void;
}
export interface Scripts {
    extras: Extras;
    morph: Morph;
    dev: Dev;
}
/** Where a tab keeps the milliseconds of its simulated latency. */
export declare const LATENCY = "statetemplate.latency";
type Name = keyof Scripts;
type Makers = {
    [N in Name]?: (core: Core) => Scripts[N];
};
/** Called by a script that has arrived. A bundle may import it before the client. */
export declare function provide<N extends Name>(name: N, make: NonNullable<Makers[N]>): void;
/** Thrown while a frame is prepared, before anything has changed: it can be applied when that script is here. */
export interface ScriptNeeded extends Error {
    script: Name;
}
export interface Loader {
    /** The script if it is here. */
    got<N extends Name>(name: N): Scripts[N] | undefined;
    /** The script; throws `ScriptNeeded` when it is not here. */
    need<N extends Name>(name: N): Scripts[N];
    /** Loads the script unless it is here. Resolves when that is over, whether it came or not. */
    load(name: Name): Promise<unknown>;
}
/** Loads scripts from the folder `base`, each at most once at a time. */
export declare function createLoader(core: Omit<Core, "need">, base: string, nonce?: string): Loader;
export {};
