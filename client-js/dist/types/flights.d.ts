import type { Cover } from "./covers.js";
/** Shows that the action of `element` is in flight until `sent` is settled, when its change is on the page. */
export declare function showFlight(element: Element, event: Event, sent: Promise<unknown>, cover: Cover): void;
