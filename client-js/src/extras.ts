//! Loads the extras (`morph.js`) when a refresh or an opaque region needs them.

import type { MorphRegion } from "./patch.js";
import { scriptUrl } from "./trust.js";

/** What `morph.js` provides. */
export interface Extras {
  /** Changes the whole document into `next`, keeping the state of what stays and the text of the `held` fields. */
  refresh(next: Document, held: Element[]): void;
  region: MorphRegion;
}

/** Where `morph.js` leaves itself for the client that loaded it. */
export const EXTRAS = Symbol.for("statetemplate.extras");

/** Thrown while preparing a frame: it can be applied when the extras are here. */
export class ExtrasNeeded extends Error {}

/** The extras. Throws [`ExtrasNeeded`] when they are not loaded yet. */
export function extras(): Extras {
  const found = (globalThis as { [EXTRAS]?: Extras })[EXTRAS];
  if (!found) throw new ExtrasNeeded("morph.js cannot be loaded");
  return found;
}

/** Loads the extras by a script element (`import()` is not for classic scripts). Resolves when that is over. */
export function loadExtras(url: string, nonce: string | undefined): Promise<unknown> {
  const script = document.createElement("script");
  if (nonce) script.nonce = nonce;
  (script as { src: string }).src = scriptUrl(url);
  document.head.append(script);
  return new Promise((resolve) => {
    script.onload = script.onerror = resolve;
  }).then(() => script.remove());
}
