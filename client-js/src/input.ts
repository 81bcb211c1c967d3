//! Input safety: a field that a person edited is theirs until the server has answered the action with that edit.

import { binds, boundFields } from "./index-page.js";

type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

/** Fields opt out of the protection with this attribute: the server's value always counts. */
const FORCE = "st-force";

/** The fields that people edited, and which action carries each edit. */
export interface Fields {
  start(): void;
  stop(): void;
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
  /** Brings the property of a form field in line with its attribute (or a textarea's text), if it is not a person's. */
  attributeChanged(element: Element, name: string, value: string | null): void;
  /** Runs `change`, which sets an option's attribute, without changing what a person chose in its select. */
  keepingChoice(option: Element, change: () => void): void;
  /** Whether `node` stands in editable content that a person changed; `text` is then kept for later. */
  holdsText(node: Text, text: string): boolean;
  /** The fields whose edits are to be protected, for a refresh. Those that left the page are forgotten. */
  held(): Element[];
}

/** @param released called when an IME composition that held patches back has ended */
export function createFields(released: () => void): Fields {
  // The number of the action that carries the edit, 0 while none does.
  const edited = new Map<Element, number>();
  const texts = new Map<Text, string>();
  let composing = false;
  let listening: AbortController;

  /** Whether a person's edit of this field is still to be protected. */
  const holds = (field: Element | null): boolean => edited.has(field!) && !field!.hasAttribute(FORCE);

  const edit = (event: Event): void => {
    const target = event.target as Element;
    if (!target.localName) return;
    // Fields that left the page must not add up.
    if (edited.size > 50) self.held();
    for (const each of groupOf(target)) edited.set(each, 0);
  };

  const composed = (): void => {
    if (!composing) return;
    composing = false;
    // Browsers differ in whether the last input event comes before or after: it belongs to the edit in any case.
    setTimeout(released);
  };

  const self: Fields = {
    start() {
      listening = new AbortController();
      const on = (type: string, listener: (event: Event) => void): void =>
        document.addEventListener(type, listener, { capture: true, signal: listening.signal });
      on("input", edit);
      on("change", edit);
      on("reset", ({ target }) => {
        for (const field of (target as HTMLFormElement).elements ?? []) edited.delete(field);
      });
      on("compositionstart", () => (composing = true));
      on("compositionend", composed);
      on("focusout", composed);
    },

    stop() {
      listening.abort();
      composing = false;
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
        if (succeeded) freed.push(field);
        else edited.set(field, 0);
      }
      for (const field of freed) edited.delete(field);
      return () => freed.forEach(self.restore);
    },

    restore(field) {
      edited.delete(field);
      for (const [node, text] of texts) {
        if (!field.contains(node)) continue;
        texts.delete(node);
        node.data = text;
      }
      const { localName } = field;
      if (localName === "select") {
        const options = [...(field as HTMLSelectElement).options];
        if (!options.some((option) => boundFields.has(option))) return;
        for (const option of options) {
          if (option.selected !== option.defaultSelected) option.selected = option.defaultSelected;
        }
      } else if (boundFields.has(field)) {
        if (isBox(field)) field.checked = field.defaultChecked;
        else if (localName === "textarea") setValue(field as Field, (field as HTMLTextAreaElement).defaultValue);
        else setValue(field as Field, field.getAttribute("value"));
      }
    },

    attributeChanged(element, name, value) {
      const { localName } = element;
      const text = localName === "textarea";
      if (text || binds(element, name)) boundFields.add(element);
      if (name === "selected") {
        if (localName === "option" && !holds(element.closest("select"))) {
          (element as HTMLOptionElement).selected = value !== null;
        }
      } else if ((text || localName === "input") && !holds(element)) {
        if (name === "checked") (element as HTMLInputElement).checked = value !== null;
        else setValue(element as Field, value);
      }
    },

    keepingChoice(option, change) {
      const select = option.closest("select");
      const kept = holds(select) ? [...select!.options].map((each) => each.selected) : [];
      change();
      kept.forEach((selected, at) => {
        const each = select!.options[at]!;
        if (each.selected !== selected) each.selected = selected;
      });
    },

    holdsText(node, text) {
      for (const element of edited.keys()) {
        if ((element as HTMLElement).isContentEditable && element.contains(node) && holds(element)) {
          texts.set(node, text);
          return true;
        }
      }
      return false;
    },

    held() {
      for (const field of edited.keys()) if (!field.isConnected) edited.delete(field);
      return [...edited.keys()].filter(holds);
    },
  };
  return self;
}

/** A radio button's choice is its group's: choosing one unchecks the others. */
function groupOf(field: Element): Iterable<Element> {
  const { type, name, form } = field as HTMLInputElement;
  if (type !== "radio" || !name) return [field];
  const all = (form ?? (field.getRootNode() as ParentNode)).querySelectorAll<HTMLInputElement>("input[type=radio]");
  return [...all].filter((each) => each.name === name && each.form === form);
}

function isBox(field: Element): field is HTMLInputElement {
  return field.localName === "input" && /^(checkbox|radio)$/.test((field as HTMLInputElement).type);
}

/** Runs `change`, which may set the value of a field, and puts the caret back to where it was. */
export function keepingCaret(field: Element, change: () => void): void {
  const { selectionStart, selectionEnd, selectionDirection } = field as HTMLInputElement;
  change();
  if (field === document.activeElement && typeof selectionStart === "number") {
    (field as HTMLInputElement).setSelectionRange(selectionStart, selectionEnd, selectionDirection ?? undefined);
  }
}

function setValue(field: Field, value: string | null): void {
  const text = value ?? "";
  if (field.value === text || field.type === "file") return;
  keepingCaret(field, () => (field.value = text));
}
