import type { Fields } from "./input.js";
/**
 * Sets or (`null`) removes an attribute, with the property that a form field keeps apart from it. What a person
 * edited stays: the attribute holds the server's value until `fields` lets go of the field. Of `class`, what scripts
 * added stays, and what they removed stays away.
 */
export declare function setAttribute(element: Element, name: string, value: string | null, fields: Fields): void;
