import { type Fields } from "./input.js";
/**
 * Sets or (`null`) removes an attribute, with the property that a form field keeps apart from it. What a person
 * edited stays: the attribute holds the server's value until `fields` lets go of the field.
 */
export declare function setAttribute(element: Element, name: string, value: string | null, fields: Fields): void;
/** The class attribute after a change by the server: classes that scripts added stay, those they removed stay away. */
export declare function setClass(element: Element, last: string | null, value: string | null): void;
