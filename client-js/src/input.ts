//! Input safety: a field that a person edited is theirs until the server has answered the action with that edit.

import { served } from "./changes.js";
import { boundFields, isBox } from "./index-page.js";

/** Any of the elements that people edit; what one of them has not is not there. */
type Field = HTMLInputElement & { options?: Iterable<HTMLOptionElement> };

/** Fields opt out of the protection with this attribute: the server's value always counts. */
const FORCE = "st-force";

/** The fields that people edited, and which action carries each edit. */
export interface Fields {
  /** Listens on the document until `signal` says stop. */
  start(signal: AbortSignal): void;
  /** Whether an IME composition is going on; patches wait for its end, for any change near it would break it off. */
  composing(): boolean;
  /** Notes that action `number` carries the present value of these fields. */
  carry(fields: Iterable<Element>, number: number): void;
  /**
   * The answer to an action: when it succeeded, its fields are the server's again, unless edited since. The returned
   * function shows the server's values; it is called after the change that came with the answer.
   */
  answered(number: number, succeeded: boolean): () => void;
  /** Lets the server's value show again. */
  restore(field: Element): void;
  /** Runs `write`, by which the server says what a field or an option holds. It is shown unless it is a person's. */
  change(element: Element, write: () => void): void;
  /** Sets the text of a slot; in editable content that a person changed later. */
  setText(node: Text, text: string): void;
  /** Runs `change` of a node, in editable content that a person changed later. */
  later(node: Node, change: () => void): void;
  /** Whether a person's edit of this field is still to be protected. */
  holds(field: Element): boolean;
  /** Notes what people chose; the returned function chooses it again, where options and radio buttons have come and gone. */
  keep(): () => void;
}

/** @param released called when an IME composition that held patches back has ended */
export function createFields(released: () => void): Fields {
  // The number of the action that carries the edit, 0 while none does.
  const edited = new Map<Element, number>();
  // What the server says of nodes in editable content that a person changed.
  const waiting = new Map<Node, () => void>();
  let composing = false;

  const holds = (field: Element): boolean => edited.has(field) && !field.hasAttribute(FORCE);

  /** Shows what the server says of a field, unless it says nothing or the field is a person's. */
  const show = (element: Element): void => {
    const field = element as Field;
    const { defaultValue = field.value, options = [] } = field;
    const own = boundFields.get(field);
    if (holds(field)) return;
    if ([...options].some((option) => boundFields.has(option))) choose(field, (option) => option.defaultSelected);
    if (own === undefined) return;
    if (isBox(field)) {
      field.checked = field.defaultChecked;
    } else if (field.isContentEditable) {
      // A person's editing may have put other nodes in place of the slot's.
      if (own && (field.firstChild !== own || own.nextSibling)) field.replaceChildren(own);
    } else if (field.value !== defaultValue && field.type !== "file") {
      keepingCaret(field, () => (field.value = defaultValue));
    }
  };

  const edit = (event: Event): void => {
    const field = event.target as Element;
    if (!field.localName) return;
    for (const each of groupOf(field)) edited.set(each, 0);
  };

  const composed = (): void => {
    if (!composing) return;
    composing = false;
    // Browsers differ in whether the last input event comes before or after: it belongs to the edit in any case.
    setTimeout(released);
  };

  const self: Fields = {
    start(signal) {
      composing = false;
      const on = (type: string, listener: (event: Event) => unknown): void =>
        document.addEventListener(type, listener, { capture: true, signal });
      on("beforeinput", ({ target }) => {
        const own = boundFields.get(target as Element);
        if (own && (target as Field).isContentEditable && !edited.has(target as Element)) waiting.set(own, writing(own, own.data));
      });
      on("input", edit);
      // When a field is left it tells again of edits that it told of before; an action may carry them by now.
      on("change", (event) => edited.has(event.target as Element) || edit(event));
      on("reset", ({ target }) => {
        for (const field of (target as HTMLFormElement).elements ?? []) edited.delete(field);
      });
      on("compositionstart", () => (composing = true));
      on("compositionend", composed);
      on("focusout", composed);
    },

    composing: () => composing,

    carry(fields, number) {
      for (const field of fields) {
        for (const each of groupOf(field)) if (edited.has(each)) edited.set(each, number);
      }
    },

    answered(number, succeeded) {
      const freed: Element[] = [];
      for (const [field, carrier] of edited) {
        if (carrier !== number) continue;
        if (succeeded && edited.delete(field)) freed.push(field);
        else edited.set(field, 0);
      }
      return () => freed.forEach(self.restore);
    },

    restore(field) {
      edited.delete(field);
      for (const [node, change] of waiting) if (owns(field, node) && waiting.delete(node)) change();
      show(field);
    },

    change(element, write) {
      const field = (element.closest("select") ?? element) as Field;
      keepingCaret(field, write);
      boundFields.set(element, null);
      show(field);
    },

    setText(node, text) {
      // Something else shows in its place while an action is in flight.
      if (served.has(node)) served.set(node, { "": text });
      const write = writing(node, text);
      if (node.parentElement?.matches("textarea")) self.change(node.parentElement, write);
      else self.later(node, write);
    },

    later(node, change) {
      for (const field of edited.keys()) {
        if (owns(field, node) && (field as Field).isContentEditable && holds(field)) return void waiting.set(node, change);
      }
      waiting.delete(node);
      change();
    },

    holds,

    keep() {
      // Fields that left the page must not add up.
      for (const field of edited.keys()) field.isConnected || edited.delete(field);
      const kept = ([...edited.keys()] as Field[]).filter(holds).map((field) => {
        const { checked, options = [] } = field;
        const chosen = [...options].map((option) => option.selected && option.value);
        return () => {
          choose(field, (option) => chosen.includes(option.value));
          if (field.checked !== checked) field.checked = checked;
        };
      });
      return () => kept.forEach((put) => put());
    },
  };
  return self;
}

/** Whether the text is in the element, or was until a person edited that. */
function owns(field: Element, node: Node): boolean {
  return field.contains(node) || boundFields.get(field) === node;
}

/** Sets a text, unless it is that. */
function writing(node: Text, text: string): () => void {
  return () => node.data !== text && (node.data = text);
}

function choose(field: Field, chosen: (option: HTMLOptionElement) => boolean): void {
  for (const option of field.options ?? []) {
    const selected = chosen(option);
    if (option.selected !== selected) option.selected = selected;
  }
}

/** A radio button's choice is its group's: choosing one unchecks the others. */
function groupOf(field: Element): Iterable<Element> {
  const { type, name, form } = field as HTMLInputElement;
  if (type !== "radio" || !name) return [field];
  const named = [...document.getElementsByName(name)] as HTMLInputElement[];
  return named.filter((each) => each.type === type && each.form === form);
}

/** Runs `change`, which may set the value of a field, and puts the caret back to where it was. */
export function keepingCaret(field: Element, change: () => void): void {
  const { selectionStart, selectionEnd, selectionDirection } = field as HTMLInputElement;
  change();
  if (field === document.activeElement && selectionStart != null) {
    (field as HTMLInputElement).setSelectionRange(selectionStart, selectionEnd, selectionDirection!);
  }
}
