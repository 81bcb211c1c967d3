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
export declare function createFields(released: () => void): Fields;
/** Runs `change`, which may set the value of a field, and puts the caret back to where it was. */
export declare function keepingCaret(field: Element, change: () => void): void;
