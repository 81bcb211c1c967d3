//! Input safety: a field that a person edited is theirs until the server has answered the action with that edit.

import { binds, boundFields } from "./index-page.js";

type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

/** Fields opt out of the protection with this attribute: the server's value always counts. */
const FORCE = "st-force";

/** The fields that people edited, and which action carries each edit. */
export class Fields {
  // The number of the action that carries the edit, 0 while none does.
  #edited = new Map<Element, number>();
  #texts = new Map<Text, string>();
  #composing: EventTarget | null = null;
  #stop: AbortController | null = null;

  /** @param released called when an IME composition that held patches back has ended */
  constructor(private readonly released: () => void) {}

  /** Whether an IME composition is going on; patches wait for its end, for any change near it would break it off. */
  get composing(): boolean {
    return this.#composing !== null;
  }

  start(): void {
    this.#stop = new AbortController();
    const options = { capture: true, signal: this.#stop.signal };
    const edited = (event: Event): void => this.#edit(event.target as Element);
    const composed = (): void => {
      if (!this.#composing) return;
      this.#composing = null;
      // Browsers differ in whether the last input event comes before or after: it belongs to the edit in any case.
      setTimeout(this.released);
    };
    document.addEventListener("input", edited, options);
    document.addEventListener("change", edited, options);
    document.addEventListener("reset", (event) => this.#reset(event.target as HTMLFormElement), options);
    document.addEventListener("compositionstart", (event) => (this.#composing = event.target), options);
    document.addEventListener("compositionend", composed, options);
    document.addEventListener("focusout", composed, options);
  }

  stop(): void {
    this.#stop?.abort();
    this.#composing = null;
  }

  /** Notes that action `number` carries the present value of these fields. */
  carry(fields: Iterable<Element>, number: number): void {
    for (const field of fields) {
      for (const each of groupOf(field)) if (this.#edited.has(each)) this.#edited.set(each, number);
    }
  }

  /**
   * The answer to an action: when it succeeded, its fields are the server's again, unless edited since. The returned
   * function shows the server's values; it is called after the change that came with the answer.
   */
  answered(number: number, succeeded: boolean): () => void {
    const freed: Element[] = [];
    for (const [field, carrier] of this.#edited) {
      if (carrier === number && succeeded) freed.push(field);
      else if (carrier === number) this.#edited.set(field, 0);
    }
    for (const field of freed) this.#edited.delete(field);
    return () => {
      for (const field of freed) this.restore(field);
    };
  }

  /** Lets the server's value show again. */
  restore(field: Element): void {
    this.#edited.delete(field);
    for (const [node, text] of this.#texts) {
      if (!field.contains(node)) continue;
      this.#texts.delete(node);
      node.data = text;
    }
    if (field.localName === "select") {
      const options = [...(field as HTMLSelectElement).options];
      if (!options.some((option) => boundFields.has(option))) return;
      for (const option of options) {
        if (option.selected !== option.defaultSelected) option.selected = option.defaultSelected;
      }
    } else if (boundFields.has(field)) {
      if (isBox(field)) field.checked = field.defaultChecked;
      else if (field.localName === "textarea") setValue(field as Field, (field as HTMLTextAreaElement).defaultValue);
      else setValue(field as Field, field.getAttribute("value"));
    }
  }

  /** Brings the property of a form field in line with its attribute (or a textarea's text), if it is not a person's. */
  attributeChanged(element: Element, name: string, value: string | null): void {
    const { localName } = element;
    if (localName === "textarea" || binds(element, name)) boundFields.add(element);
    if (name === "selected") {
      const select = element.closest("select");
      if (localName === "option" && !(select && this.#holds(select))) {
        (element as HTMLOptionElement).selected = value !== null;
      }
    } else if ((localName === "input" || localName === "textarea") && !this.#holds(element)) {
      if (name === "checked") (element as HTMLInputElement).checked = value !== null;
      else setValue(element as Field, value);
    }
  }

  /** Runs `change`, which sets an option's attribute, without changing what a person chose in its select. */
  keepingChoice(option: Element, change: () => void): void {
    const select = option.closest("select");
    const kept = select && this.#holds(select) ? [...select.options].map((each) => each.selected) : null;
    change();
    kept?.forEach((selected, at) => {
      if (select!.options[at]!.selected !== selected) select!.options[at]!.selected = selected;
    });
  }

  /** Whether `node` stands in editable content that a person changed; `text` is then kept for later. */
  holdsText(node: Text, text: string): boolean {
    for (const element of this.#edited.keys()) {
      if ((element as HTMLElement).isContentEditable && element.contains(node) && this.#holds(element)) {
        this.#texts.set(node, text);
        return true;
      }
    }
    return false;
  }

  /** The fields whose edits are to be protected, for a refresh. Those that left the page are forgotten. */
  held(): Element[] {
    for (const field of this.#edited.keys()) if (!field.isConnected) this.#edited.delete(field);
    return [...this.#edited.keys()].filter((field) => this.#holds(field));
  }

  /** Whether a person's edit of this field is still to be protected. */
  #holds(field: Element): boolean {
    return this.#edited.has(field) && !field.hasAttribute(FORCE);
  }

  #edit(target: Element | null): void {
    if (!target?.localName) return;
    // Fields that left the page must not add up.
    if (this.#edited.size > 50) this.held();
    for (const each of groupOf(target)) this.#edited.set(each, 0);
  }

  #reset(form: HTMLFormElement): void {
    for (const field of form.elements ?? []) this.#edited.delete(field);
  }
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
