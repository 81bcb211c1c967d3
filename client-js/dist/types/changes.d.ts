/**
 * Of elements with attributes that are not as the server set them: what it set, by name (`null` for none). Of texts that
 * something else shows in place of: what the server set, by the empty string.
 */
export declare const served: WeakMap<Node, Record<string, string | null>>;
/** Nodes that a script put in (`true`), or put in place of the server's or took from there (`false`). */
export declare const added: WeakMap<Node, boolean>;
/** Begins to look. What happened to the page before counts as the server's. */
export declare function watch(): void;
/** Stops looking, for what the client does itself. */
export declare function unwatch(): void;
