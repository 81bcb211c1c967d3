//! Declarative actions: one listener an event on the document finds the element with `st-click` and its like.

import type { Fields } from "./input.js";
import type { Extras } from "./load.js";
import { elementPayload, fieldPayload, formPayload } from "./payload.js";

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

export function createActions({ fields, send, filesSkipped, later, soon, idle }: ActionsContext): Actions {
  const handle = (event: Event): void => {
    const { type } = event;
    const target = event.target as Element;
    soon((extras) => extras?.event(event));
    // A page's own listener may have refused the event, as for any other. Keys are the business of the extras.
    if (event.defaultPrevented || !target.closest || type.startsWith("key")) return;
    const element = target.closest(`[st-${type}]`);
    const action = element?.getAttribute("st-" + type);
    if (!element || !action || (capturing(type) && element !== target)) return;
    if (type === "click") {
      if (element.matches(":disabled") || (event as MouseEvent).button > 0) return;
      if (element.matches("a[href]")) {
        // Opening a link in a new tab or window stays what it is.
        const { ctrlKey, metaKey, shiftKey } = event as MouseEvent;
        if (ctrlKey || metaKey || shiftKey) return;
        event.preventDefault();
      } else if (isSubmitter(element) && !element.form?.hasAttribute("st-submit")) {
        event.preventDefault();
      }
    }
    if (type === "submit") event.preventDefault();
    act(event, element, action);
  };

  const act: Actions["act"] = (event, element, action, more) => {
    const { type } = event;
    const target = event.target as Element;
    const question = element.getAttribute("st-confirm");
    if (question !== null && !confirm(question)) {
      event.preventDefault();
      if (type === "change") fields.restore(target);
      return;
    }
    const changes = /^change|^input/.test(type);
    const payload =
      type === "submit" || (changes && element.localName === "form")
        ? formPayload(element as HTMLFormElement, (event as SubmitEvent).submitter)
        : changes || (element === target && /key|focus|blur/.test(type) && element.matches(FIELD))
          ? fieldPayload(element, target)
          : elementPayload(element);
    Object.assign(payload.data, more);
    if (payload.skipped[0]) filesSkipped(action, payload.skipped);
    const fire = (): void => {
      const sent = send(action, payload.data, payload.fields);
      soon((extras) => extras?.flight(element, event, sent));
      sent.then(
        () => {
          if (element.hasAttribute("st-reset")) (element as HTMLFormElement).reset?.();
        },
        () => {
          // The client has told the page already, by its event.
        },
      );
    };
    if (idle() && !element.matches(TIMED)) fire();
    else later((extras) => (extras ? extras.schedule(element, type, fire) : fire()));
  };

  return {
    act,
    listen(signal) {
      for (const type of EVENTS.split(" ")) {
        document.addEventListener(type, handle, { signal, capture: capturing(type) });
      }
    },
  };
}

const EVENTS = "click submit change input keydown keyup focus blur";

/** Elements whose actions the extras delay. */
const TIMED = "[st-debounce],[st-throttle]";

const FIELD = "input,select,textarea";

/** These do not bubble, and mean their own element alone. */
function capturing(type: string): boolean {
  return /focus|blur/.test(type);
}

function isSubmitter(element: Element): element is HTMLButtonElement {
  return element.matches("button,input") && /submit|image/.test((element as HTMLButtonElement).type);
}
