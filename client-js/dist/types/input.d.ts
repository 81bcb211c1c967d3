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
export declare function createFields(released: () => void): Fields;
/** Runs `change`, which may set the value of a field, and puts the caret back to where it was. */
export declare function keepingCaret(field: Element, change: () => void): void;
