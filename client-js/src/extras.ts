//! Loads the extras (`morph.js`) when a refresh or an opaque region needs them.

import type { MorphRegion } from "./patch.js";
import { scriptUrl } from "./trust.js";

/** What `morph.js` provides. */
export interface Extras {
  /** Changes the whole document into `next`, keeping the state of what stays. */
  refresh(next: Document): void;
  region: MorphRegion;
}

/** Where `morph.js` leaves itself for the client that loaded it. */
export const EXTRAS = Symbol.for("statetemplate.extras");

/** Thrown while preparing a frame: it can be applied when the extras are here (or are known not to come). */
export class ExtrasNeeded extends Error {}

/** Loads the extras at most once at a time, by a script element: `import()` is not for classic scripts. */
export class ExtrasLoader {
  #loading: Promise<void> | null = null;
  #failed = false;

  constructor(
    private readonly url: string,
    private readonly nonce: string | undefined,
  ) {}

  /** The extras, or `null` when they could not be loaded. Throws [`ExtrasNeeded`] while that is open. */
  get(): Extras | null {
    const extras = (globalThis as { [EXTRAS]?: Extras })[EXTRAS];
    if (extras) return extras;
    if (!this.#failed) throw new ExtrasNeeded();
    // The next frame that needs them tries again; this one goes on without.
    this.#failed = false;
    return null;
  }

  /** Resolves when `get` will answer. */
  load(): Promise<void> {
    return (this.#loading ??= new Promise<void>((resolve) => {
      const script = document.createElement("script");
      const done = (failed: boolean): void => {
        this.#failed = failed;
        this.#loading = null;
        script.remove();
        resolve();
      };
      if ((globalThis as { [EXTRAS]?: Extras })[EXTRAS]) return resolve();
      script.onload = () => done(false);
      script.onerror = () => done(true);
      if (this.nonce) script.nonce = this.nonce;
      (script as { src: string }).src = scriptUrl(this.url);
      document.head.append(script);
    }));
  }
}
