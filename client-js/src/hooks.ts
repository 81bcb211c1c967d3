//! Hooks: a page's own code for an element, called as it comes, changes and goes.

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

interface Mounted extends HookElement, Hook {
  /** ends what the hook listens to */
  ending: AbortController;
}

export interface Hooks {
  /** Is told of nodes that will be on the page after the update. */
  added(content: DocumentFragment): void;
  listen(signal: AbortSignal): void;
}

export function createHooks(client: StateTemplateClient): Hooks {
  const mounted = new Map<Element, Mounted>();
  // Only asked for its records right after an update: what it has by its own turn is not the server's doing.
  const observer = new MutationObserver(() => {});
  let search = true;
  let lost = false;

  const call = (hook: Mounted, name: keyof Hook): void => {
    try {
      hook[name]?.();
    } catch (error) {
      // The page's error, and nobody else's.
      reportError(error);
    }
  };

  const mount = (): void => {
    search = false;
    for (const el of document.querySelectorAll<HTMLElement>("[st-hook]")) {
      const definition = client.hooks[el.getAttribute("st-hook")!];
      // Without one, perhaps its script is still to come.
      search ||= !definition;
      if (!definition || mounted.has(el)) continue;
      const ending = new AbortController();
      const { signal } = ending;
      const hook: Mounted = Object.assign(Object.create(definition) as Hook, {
        el,
        ending,
        sendUpdate: (action: string, data?: unknown) => client.sendUpdate(action, data, el),
        handleEvent: (name: string, listener: (data: unknown) => void) =>
          on("push", ({ detail }) => detail.name === name && listener(detail.data), signal),
      });
      mounted.set(el, hook);
      observer.observe(el, { subtree: true, childList: true, attributes: true, characterData: true });
      call(hook, "mounted");
    }
  };

  const update = ({ detail }: CustomEvent): void => {
    const records = observer.takeRecords();
    for (const [el, hook] of mounted) {
      if (!el.isConnected) {
        mounted.delete(el);
        hook.ending.abort();
        call(hook, "destroyed");
      } else if (records.some(({ target }) => el.contains(target))) {
        call(hook, "updated");
      }
    }
    if (search || detail.kind === "refresh") mount();
    // What the hooks did themselves is no update.
    observer.takeRecords();
  };

  const connection = ({ type }: Event): void => {
    const now = /dis/.test(type);
    // The first connection is no new one.
    if (now !== lost) for (const hook of mounted.values()) call(hook, now ? "disconnected" : "reconnected");
    lost = now;
  };

  return {
    added(content) {
      search ||= !!content.querySelector("[st-hook]");
    },

    listen(signal) {
      on("update", update, signal);
      on("disconnected", connection, signal);
      on("connected", connection, signal);
      addEventListener("load", mount, { signal });
      mount();
    },
  };
}

function on(name: string, listener: (event: CustomEvent) => void, signal: AbortSignal): void {
  document.addEventListener("statetemplate:" + name, listener as EventListener, { signal });
}
