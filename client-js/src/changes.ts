//! What scripts and people changed on the page since the server last said otherwise, so that updates leave it alone.

/**
 * Of elements with attributes that are not as the server set them: what it set, by name (`null` for none). Of texts that
 * something else shows in place of: what the server set, by the empty string.
 */
export const served = new WeakMap<Node, Record<string, string | null>>();

/** Nodes that a script put in (`true`), or put in place of the server's or took from there (`false`). */
export const added = new WeakMap<Node, boolean>();

/** Made with the first look, since the module is also imported where there is no document. */
let observer: MutationObserver;

function note(records: MutationRecord[]): void {
  for (const { target, attributeName, oldValue, addedNodes, removedNodes } of records) {
    if (attributeName) served.set(target, { [attributeName]: oldValue, ...served.get(target) });
    let addition = true;
    for (const node of removedNodes) {
      if (!added.get(node)) added.set(node, (addition = false));
    }
    for (const node of addedNodes) if (!added.has(node)) added.set(node, addition);
  }
}

/** Begins to look. What happened to the page before counts as the server's. */
export function watch(): void {
  observer ??= new MutationObserver(note);
  observer.observe(document, { subtree: true, childList: true, attributeOldValue: true });
}

/** Stops looking, for what the client does itself. */
export function unwatch(): void {
  note(observer?.takeRecords() ?? []);
  observer?.disconnect();
}
