//! Events beyond the plain ones: key filters, clicks elsewhere, the window's events; and the commands of all of them.

import { runCommands } from "./commands.js";
import { write } from "./covers.js";
import type { Core } from "./load.js";

/** Keys whose names cannot stand in an attribute's name. */
const KEYS: Record<string, string> = { " ": "space", "/": "slash", "=": "equals", ">": "greater" };

const WINDOW = "resize scroll online offline focus blur visibilitychange";

export interface Triggers {
  /** An event on the document, before its plain action. */
  trigger(event: Event): void;
  /** Listens to the window's events. */
  listen(signal: AbortSignal): void;
}

export function createTriggers({ act }: Core): Triggers {
  const command = (element: Element, name: string): void =>
    runCommands(element, element.getAttribute("st-do-" + name) ?? "", write);

  /** Does what an element says for an event: first its commands, then its action. */
  const fire = (element: Element, name: string, event: Event, data?: object): void => {
    command(element, name);
    const action = element.getAttribute("st-" + name);
    if (action) act(event, element, action, data);
  };

  /** Fires the most special of the filters that fit a key; who names a key takes it over from the browser. */
  const key = (event: KeyboardEvent, target: Element): void => {
    const { key, ctrlKey, altKey, metaKey } = event;
    const typed = !(key[1] || ctrlKey || altKey || metaKey) && target.closest("input,select,textarea,[contenteditable]");
    // A character that is typed into a field is no shortcut of the window's.
    for (const prefix of typed ? [""] : ["", "window-"]) {
      const names = keyNames(event).map((name) => prefix + event.type + name);
      const selector = names.map(selectorOf).join();
      for (const element of prefix ? all(selector) : [target.closest(selector)]) {
        const at = names.findIndex((name) => element?.matches(selectorOf(name)));
        if (at < 0) continue;
        if (names[at + 1]) event.preventDefault();
        fire(element!, names[at]!, event, { key });
      }
    }
  };

  return {
    trigger(event) {
      const { type } = event;
      const target = event.target as Element;
      if (event.defaultPrevented || !target.closest) return;
      if (type.startsWith("key")) {
        // The key that ends a composition belongs to the text.
        if (!(event as KeyboardEvent).isComposing) key(event as KeyboardEvent, target);
        return;
      }
      const element = target.closest(`[st-do-${type}]`);
      // Focus means the element itself.
      if (element && !element.matches(":disabled") && (element === target || !/focus|blur/.test(type))) command(element, type);
      // An element that the click has removed is not elsewhere.
      if (type !== "click" || !target.isConnected) return;
      for (const each of all(selectorOf("click-away"))) {
        if (!each.contains(target) && each.getClientRects()[0]) fire(each, "click-away", event);
      }
    },

    listen(signal) {
      const listener = (event: Event): void => {
        const { type } = event;
        const data = { width: innerWidth, height: innerHeight, x: scrollX, y: scrollY, visible: !document.hidden };
        for (const each of all(selectorOf("window-" + type))) fire(each, "window-" + type, event, data);
      };
      for (const type of WINDOW.split(" ")) addEventListener(type, listener, { signal });
    },
  };
}

/** `.ctrl.s` and the like, the most special first, and the empty string for any key. */
function keyNames(event: KeyboardEvent): string[] {
  const key = event.key.toLowerCase();
  const name = "." + (KEYS[key] ?? key.replace("arrow", ""));
  const held = (shift: boolean): string =>
    (event.ctrlKey ? ".ctrl" : "") + (event.altKey ? ".alt" : "") + (shift ? ".shift" : "") + (event.metaKey ? ".meta" : "");
  // Shift is part of how a character is typed: `?` is the same key on all keyboards.
  return [held(event.shiftKey) + name, ...(key[1] ? [] : [held(false) + name]), ""];
}

function selectorOf(name: string): string {
  const escaped = CSS.escape(name);
  return `[st-${escaped}],[st-do-${escaped}]`;
}

function all(selector: string): Iterable<Element> {
  return document.querySelectorAll(selector);
}
