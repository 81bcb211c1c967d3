//! A tab's session outlives its documents: what one leaves in `sessionStorage`, the next one takes up.
//!
//! A duplicated tab, or one that a page opens, begins with a copy of that storage. It is told by a mark that only a document
//! that is left makes: a copy of one in use has none. Nor has what a crash leaves, after which the tab starts afresh.

import type { Connection } from "./connection.js";

/** What stands in the storage. */
interface Entry {
  page: string;
  client: string;
  /** the number of the last action */
  sent: number;
  /** the actions without an answer: number and frame */
  waiting: [number, string][];
}

/** How long the word is good that a page leaves for the next request of its tab, in seconds. */
const WORD = 10;

/**
 * Goes on where the tab's last document was, if this is the one that follows it, and leaves word for the next. Called with
 * the signal that ends it, before the page connects.
 */
export function createTab(connection: Connection): (signal: AbortSignal) => void {
  const { scope, kept } = document.querySelector<HTMLElement>("script[data-scope]")?.dataset ?? {};
  const key = "statetemplate." + scope;
  const store = (entry: Entry | null = null): void => {
    try {
      sessionStorage.setItem(key, JSON.stringify(entry));
    } catch {
      // There is no room, or no storage: a reload starts afresh.
    }
  };

  let active = !!scope;
  if (active) {
    let entry: Entry | null = null;
    try {
      entry = JSON.parse(sessionStorage.getItem(key)!) as Entry | null;
    } catch {
      // As if nothing had been left.
    }
    if (kept !== undefined && entry?.page !== connection.page) {
      // The page shows what another tab has.
      active = false;
      location.reload();
    } else {
      // It is taken: from here on a copy is a duplicate.
      store();
    }
    if (active && entry) {
      connection.earlier = [entry.page];
      connection.client = entry.client;
      connection.last = entry.sent;
      const none = (): void => {};
      for (const [number, text] of entry.waiting) connection.pending.set(number, { text, resolve: none, reject: none });
    }
  }

  return (signal) => {
    if (!active) return;
    // The next page is asked for before this one is hidden. The word is worth nothing without the browser's own cookie.
    const leaveWord = (): void => {
      document.cookie = `statetemplate_tab=${connection.page};path=/;max-age=${WORD};samesite=strict`;
    };
    const leave = (): void => {
      const { page, client, last: sent, pending } = connection;
      if (active) store({ page, client, sent, waiting: [...pending].map(([number, { text }]) => [number, text]) });
    };
    // From the back-forward cache: another document of this tab has gone on meanwhile, or left what this one has taken.
    const comeBack = ({ persisted }: PageTransitionEvent): void => {
      if (!persisted) return;
      active = false;
      location.reload();
    };
    addEventListener("beforeunload", leaveWord, { signal });
    addEventListener("pagehide", leave, { signal });
    addEventListener("pageshow", comeBack, { signal });
  };
}
