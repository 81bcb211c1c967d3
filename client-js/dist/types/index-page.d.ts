/** The slots of one appearance of a fragment, by number. */
export type Instance = Slot[];
export declare const enum Kind {
    Text = 0,
    Attribute = 1,
    Tag = 2,
    Region = 3,
    Branch = 4,
    List = 5
}
export interface TextSlot {
    shape: Kind.Text;
    node: Text;
}
export interface AttributeSlot {
    shape: Kind.Attribute;
    element: Element;
    name: string;
}
export interface TagSlot {
    shape: Kind.Tag;
    element: Element;
}
export interface RegionSlot {
    shape: Kind.Region;
    start: Comment;
    end: Comment;
}
export interface BranchSlot {
    shape: Kind.Branch;
    start: Comment;
    /** `null` in a row that is nothing but a branch: it ends where its row ends */
    end: Comment | null;
    shown: Instance;
}
export interface ListSlot {
    shape: Kind.List;
    start: Comment;
    end: Comment;
    rows: Row[];
    /** the instance of the `else`, when there are no rows */
    other: Instance;
}
export interface Row {
    /** its mark, or the element with which it begins */
    start: ChildNode;
    slots: Instance;
}
export type Slot = TextSlot | AttributeSlot | TagSlot | RegionSlot | BranchSlot | ListSlot;
/** What the walk found at its root: the slots of one instance, or a row. */
export interface Found {
    slots: Instance;
    rows: Row[];
}
/**
 * Form fields (and options) whose value, checkedness or selectedness the server sets, and editable elements, with the
 * node of their text. When an edit of such a field is answered, the server's word counts again; other fields keep what
 * the person entered.
 */
export declare const boundFields: WeakMap<Element, Text | null>;
/** Walks `root` once. At its top stands an instance (the page, a branch) or a new row of a list. */
export declare function indexTree(root: Node): Found;
/** Whether the attribute says what a field holds. The `value` of a box or an option only names it. */
export declare function binds(element: Element, name: string): boolean;
/** Whether the element is a checkbox or a radio button. */
export declare function isBox(element: Element): boolean;
