/** The payload of an action, the fields whose edits it carries, and the file inputs it had to leave out. */
export interface Payload {
    data: Record<string, unknown>;
    fields: Element[];
    skipped: string[];
}
type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;
/** `st-value-NAME="…"` of an element becomes `"NAME": "…"`. */
export declare function addAttributeValues(data: Record<string, unknown>, attributes: Iterable<{
    name: string;
    value: string;
}>): void;
/**
 * Adds a form's entries: a name that occurs once becomes a string, one that occurs again (or is in `lists`) an array.
 * Files cannot travel in a JSON frame; the names of those left out are returned.
 */
export declare function addEntries(data: Record<string, unknown>, form: FormData, lists?: string[]): string[];
/** The payload of an action without a field: the `st-value-*` of these elements, the last of a name. */
export declare function elementPayload(...elements: (Element | null)[]): Payload;
/** The payload of a form: its successful controls, then its `st-value-*`, then the submitter's. */
export declare function formPayload(form: HTMLFormElement, submitter?: HTMLElement | null): Payload;
/** The payload of a change or an input: the field's name (or `value`) and value, with the element's `st-value-*`. */
export declare function fieldPayload(element: Element, field: Element): Payload;
/** A field's value: `true` or `false` for a checkbox, an array for a multiple select, else a string. */
export declare function fieldValue(field: Field): unknown;
export {};
