//! What a declarative action sends: values from attributes and from form fields.

/** The payload of an action, the fields whose edits it carries, and the file inputs it had to leave out. */
export interface Payload {
  data: Record<string, unknown>;
  fields: Element[];
  skipped: string[];
}

type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

const VALUE = "st-value-";

/** `st-value-NAME="…"` of an element becomes `"NAME": "…"`. */
export function addAttributeValues(data: Record<string, unknown>, attributes: Iterable<{ name: string; value: string }>): void {
  for (const { name, value } of attributes) {
    if (name.startsWith(VALUE) && name.length > VALUE.length) data[name.slice(VALUE.length)] = value;
  }
}

/**
 * Adds a form's entries: a name that occurs once becomes a string, one that occurs again (or is in `lists`) an array.
 * Files cannot travel in a JSON frame; the names of those left out are returned.
 */
export function addEntries(data: Record<string, unknown>, form: FormData, lists: string[] = []): string[] {
  const skipped: string[] = [];
  for (const name of new Set([...lists, ...form.keys()])) {
    const values = form.getAll(name);
    const texts = values.filter((value) => typeof value === "string");
    if (texts.length < values.length) skipped.push(name);
    // One choice of many must not look different from two.
    if (texts.length > 1 || lists.includes(name)) data[name] = texts;
    else if (texts.length) data[name] = texts[0];
  }
  return skipped;
}

/** The payload of an action without a field: the `st-value-*` of these elements, the last of a name. */
export function elementPayload(...elements: (Element | null)[]): Payload {
  const data = empty();
  for (const element of elements) if (element) addAttributeValues(data, element.attributes);
  return { data, fields: [], skipped: [] };
}

/** The payload of a form: its successful controls, then its `st-value-*`, then the submitter's. */
export function formPayload(form: HTMLFormElement, submitter: HTMLElement | null = null): Payload {
  const data = empty();
  const fields = [...form.elements];
  const lists = fields.filter((field) => field.matches("select[multiple][name]:not(:disabled)"));
  const skipped = addEntries(data, new FormData(form, submitter), lists.map((list) => (list as HTMLSelectElement).name));
  return { data: Object.assign(data, elementPayload(form, submitter).data), fields, skipped };
}

/** The payload of a change or an input: the field's name (or `value`) and value, with the element's `st-value-*`. */
export function fieldPayload(element: Element, field: Element): Payload {
  const payload = elementPayload(element, field);
  payload.data[(field as Field).name || "value"] = fieldValue(field as Field);
  payload.fields.push(field);
  return payload;
}

/** A field's value: `true` or `false` for a checkbox, an array for a multiple select, else a string. */
export function fieldValue(field: Field): unknown {
  if (field.type === "checkbox") return (field as HTMLInputElement).checked;
  if (field.type === "select-multiple") {
    return [...(field as HTMLSelectElement).selectedOptions].map((option) => option.value);
  }
  return field.value ?? field.textContent;
}

/** Without a prototype, so that a field named `__proto__` is a name like any other. */
function empty(): Record<string, unknown> {
  return Object.create(null) as Record<string, unknown>;
}
