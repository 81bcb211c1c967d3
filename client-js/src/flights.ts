//! What shows while an action is in flight: the class `st-loading`, `st-disable`, and the changes of `st-optimistic`.

import { changeText, runCommands } from "./commands.js";
import type { Cover } from "./covers.js";

/** Shows that the action of `element` is in flight until `sent` is settled, when its change is on the page. */
export function showFlight(element: Element, event: Event, sent: Promise<unknown>, cover: Cover): void {
  const undo: (() => unknown)[] = [];
  const make = (...change: [Node, string, string | null]): unknown => undo.push(cover(...change));
  const form = element.closest("form");
  const acting = new Set([element, (event as SubmitEvent).submitter ?? element]);
  for (const each of new Set([...acting, form ?? element])) make(each, ".st-loading", "");
  // A form's action disables what says so within the form, or all buttons of a form that says so.
  for (const each of element === form ? form.elements : acting) {
    if (!each.matches("[st-disable]:not(form),form[st-disable] button")) continue;
    const text = each.getAttribute("st-disable");
    if (text) changeText(each, text, make);
    const focused = each === document.activeElement;
    make(each, "disabled", "");
    // The browser takes the focus from what is disabled.
    if (focused) undo.push(() => document.activeElement === document.body && (each as HTMLElement).focus());
  }
  for (const each of acting) runCommands(each, each.getAttribute("st-optimistic") ?? "", make);
  const land = (): void => undo.forEach((each) => each());
  sent.then(land, land);
}
