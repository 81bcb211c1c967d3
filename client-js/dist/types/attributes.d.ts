import { type Fields } from "./input.js";
/** Sets an attribute for its slot. Of `class`, what scripts added stays, and what they removed stays away. */
export declare function setSlotAttribute(slot: {
    element: Element;
    last: string | null;
}, name: string, value: string | null, fields: Fields): void;
