//! Declarative actions: one listener an event on the document finds the element with `st-click` and its like.

import type { Fields } from "./input.js";
import type { Extras } from "./load.js";
import { elementPayload, fieldPayload, formPayload, type Payload } from "./payload.js";

/** What declarative actions need from the client. */
export interface ActionsContext {
  fields: Fields;
  send(action: string, data: unknown, fields: Element[]): Promise<unknown>;
  /** Tells the page that file inputs could not be sent. */
  filesSkipped(action: string, names: string[]): void;
  /** Runs `task` with the extras: now if they are here, else when they are, or did not come; in the order of the calls. */
  later(task: (extras?: Extras) => void): void;
  /** Fires the delayed actions within or around a node, of one event type or of all. */
  flush(around: Node, type?: string): void;
  /** Whether nothing waits for the extras: what needs none may go at once. */
  idle(): boolean;
}

/** Elements whose actions the extras delay. */
const TIMED = "[st-debounce],[st-throttle]";

/** Listens on the document until `signal` says stop. */
export function listenForActions(context: ActionsContext, signal: AbortSignal): void {
  const { fields, flush, later } = context;

  const handle = (event: Event): void => {
    const { type } = event;
    const target = event.target as Element;
    // What a person typed before goes before what they do now.
    if (/submit|blur|change/.test(type)) flush(target, type === "change" ? "input" : undefined);
    // A page's own listener may have refused the event, as for any other.
    if (event.defaultPrevented || !target.closest) return;
    const attribute = "st-" + type;
    const element = target.closest(`[${attribute}]`);
    const action = element?.getAttribute(attribute);
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
    const question = element.getAttribute("st-confirm");
    if (question !== null && !confirm(question)) {
      event.preventDefault();
      if (type === "change") fields.restore(target);
      return;
    }
    const payload = payloadOf(event, element, target);
    const fire = (): void => send(action, element, payload);
    if (context.idle() && !element.matches(TIMED)) fire();
    else later((extras) => (extras ? extras.schedule(element, type, fire) : fire()));
  };

  const send = (action: string, element: Element, { data, fields, skipped }: Payload): void => {
    if (skipped.length > 0) context.filesSkipped(action, skipped);
    context.send(action, data, fields).then(
      () => {
        if (element.hasAttribute("st-reset")) (element as HTMLFormElement).reset?.();
      },
      () => {
        // The client has told the page already, by its event.
      },
    );
  };

  for (const type of ["click", "submit", "change", "input", "keydown", "keyup", "focus", "blur"]) {
    document.addEventListener(type, handle, { signal, capture: capturing(type) });
  }
}

/** These do not bubble, and mean their own element alone. */
function capturing(type: string): boolean {
  return type === "focus" || type === "blur";
}

function payloadOf(event: Event, element: Element, target: Element): Payload {
  switch (event.type) {
    case "submit":
      return formPayload(element as HTMLFormElement, (event as SubmitEvent).submitter);
    case "change":
    case "input":
      return element.localName === "form"
        ? formPayload(element as HTMLFormElement, null)
        : fieldPayload(element, target);
    case "keydown":
    case "keyup": {
      const payload = elementPayload(element);
      payload.data.key = (event as KeyboardEvent).key;
      return payload;
    }
    default:
      return elementPayload(element);
  }
}

function isSubmitter(element: Element): element is HTMLButtonElement | HTMLInputElement {
  return element.matches("button, input") && /^(submit|image)$/.test((element as HTMLButtonElement).type);
}
