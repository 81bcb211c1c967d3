//! Declarative actions: one listener an event on the document finds the element with `st-click` and its like.

import type { Fields } from "./input.js";
import { elementPayload, fieldPayload, formPayload, type Payload } from "./payload.js";

/** What declarative actions need from the client. */
export interface ActionsContext {
  fields: Fields;
  send(action: string, data: unknown, fields: Element[]): Promise<unknown>;
  /** Tells the page that file inputs could not be sent. */
  filesSkipped(action: string, names: string[]): void;
}

/** Event → attribute. `focus` and `blur` do not bubble; their twins do. */
const EVENTS: Record<string, string> = {
  click: "st-click",
  submit: "st-submit",
  change: "st-change",
  input: "st-input",
  keydown: "st-keydown",
  keyup: "st-keyup",
  focusin: "st-focus",
  focusout: "st-blur",
};

const DEFAULT_DELAY = 300;

/** A debounced or throttled action: what to do when the time is over. */
interface Delayed {
  element: Element;
  type: string;
  timer: ReturnType<typeof setTimeout>;
  fire: (() => void) | null;
}

export class Actions {
  #stop: AbortController | null = null;
  #delayed = new Set<Delayed>();

  constructor(private readonly context: ActionsContext) {}

  start(): void {
    this.#stop = new AbortController();
    for (const type in EVENTS) {
      document.addEventListener(type, (event) => this.#handle(event), { signal: this.#stop.signal });
    }
  }

  stop(): void {
    this.#stop?.abort();
    for (const { timer } of this.#delayed) clearTimeout(timer);
    this.#delayed.clear();
  }

  /** Fires what waits within or around a node, of one event type or of all. */
  flush(around: Node, type?: string): void {
    for (const delayed of [...this.#delayed]) {
      const near = around.contains(delayed.element) || delayed.element.contains(around);
      if (near && delayed.fire && (!type || delayed.type === type)) this.#run(delayed);
    }
  }

  #handle(event: Event): void {
    const { type } = event;
    const target = event.target as Element;
    // What a person typed before goes before what they do now.
    if (type === "submit" || type === "focusout") this.flush(target);
    else if (type === "change") this.flush(target, "input");
    // A page's own listener may have refused the event, as for any other.
    if (event.defaultPrevented || !target.closest) return;
    const attribute = EVENTS[type]!;
    const element = target.closest(`[${attribute}]`);
    const action = element?.getAttribute(attribute);
    if (!element || !action || (type.startsWith("focus") && element !== target)) return;
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
      if (type === "change") this.context.fields.restore(target);
      return;
    }
    this.#schedule(element, type, () => this.#send(action, element, payloadOf(event, element, target)));
  }

  #send(action: string, element: Element, { data, fields, skipped }: Payload): void {
    if (skipped.length > 0) this.context.filesSkipped(action, skipped);
    this.context.send(action, data, fields).then(
      () => {
        if (element.hasAttribute("st-reset")) (element as HTMLFormElement).reset?.();
      },
      () => {
        // The client has told the page already, by its event.
      },
    );
  }

  #schedule(element: Element, type: string, fire: () => void): void {
    const debounce = delayOf(element, "st-debounce");
    const throttle = delayOf(element, "st-throttle");
    if (debounce === null && throttle === null) return fire();
    let delayed: Delayed | undefined;
    for (const each of this.#delayed) if (each.element === element && each.type === type) delayed = each;
    if (debounce !== null) {
      if (delayed) clearTimeout(delayed.timer);
      else this.#delayed.add((delayed = { element, type, timer: 0 as never, fire }));
      const waiting = delayed;
      waiting.fire = fire;
      waiting.timer = setTimeout(() => this.#run(waiting), debounce);
    } else if (delayed) {
      delayed.fire = fire;
    } else {
      fire();
      const resting: Delayed = { element, type, timer: 0 as never, fire: null };
      this.#delayed.add(resting);
      const rest = (): void => {
        const { fire } = resting;
        if (!fire) return void this.#delayed.delete(resting);
        resting.fire = null;
        resting.timer = setTimeout(rest, throttle!);
        fire();
      };
      resting.timer = setTimeout(rest, throttle!);
    }
  }

  #run(delayed: Delayed): void {
    clearTimeout(delayed.timer);
    this.#delayed.delete(delayed);
    delayed.fire?.();
  }
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

function delayOf(element: Element, attribute: string): number | null {
  const value = element.getAttribute(attribute);
  if (value === null) return null;
  const delay = Number.parseInt(value, 10);
  return delay >= 0 ? delay : DEFAULT_DELAY;
}
