//! Ties the layers together: frames from the connection to the page, actions from the page to the connection.

import { Actions } from "./actions.js";
import { ActionError, Connection, type ConnectionState } from "./connection.js";
import { emit, type ErrorDetail } from "./events.js";
import { extras, ExtrasNeeded, loadExtras } from "./extras.js";
import { indexTree, type Instance } from "./index-page.js";
import { Fields } from "./input.js";
import { preparePatch, type PatchContext } from "./patch.js";
import { MissingStatics, StaticsCache, type StaticsStorage } from "./statics.js";
import { parsePage } from "./trust.js";
import { FromServer, isObject, malformed, type StaticsFrame } from "./wire.js";

/** How a client connects and what it keeps. All of it is optional on a page that the server rendered. */
export interface ClientOptions {
  /** The element that names the session by `data-page`, `data-plan` and `data-revision`; found in the page if left out. */
  element?: HTMLElement | null;
  /** Address of the WebSocket. Default: the element's `data-ws`, else `/ws`, on the page's host. */
  url?: string;
  /** Address of `morph.js`. Default: the element's `data-morph`, else beside the client's script. */
  morphUrl?: string;
  /** Whether statics are kept for the browser's next pages (in `localStorage`). Default: true. */
  enableCaching?: boolean;
  /** How many fragments' statics are kept at most, least recently used first out. Default: 1000. */
  maxCacheSize?: number;
  /** Whether frames are printed to the console, and cache events sent at each update. Default: false. */
  debugMode?: boolean;
}

/** What the cache of statics has done on this page. */
export interface CacheStats {
  /** fragments that were here when they were needed */
  hits: number;
  /** fragments whose statics had to be sent */
  misses: number;
  /** characters received over the socket */
  bytesReceived: number;
  /** characters of statics that did not have to be sent */
  bytesSaved: number;
  /** `hits` as a share of hits and misses, from 0 to 1; 0 before the first */
  hitRate: number;
  /** fragments held now */
  cacheSize: number;
}

/** The `<html>` attribute that holds `connected`, `disconnected` or `expired`, for style sheets. */
const STATE_ATTRIBUTE = "data-statetemplate";

/**
 * A live page's client.
 *
 * ```ts
 * const client = new StateTemplateClient();
 * client.connect();
 * await client.sendUpdate("add_task", { title: "Milk" });
 * ```
 */
export class StateTemplateClient {
  readonly #connection: Connection;
  readonly #statics: StaticsCache;
  readonly #fields: Fields;
  readonly #actions: Actions;
  readonly #loadExtras: () => Promise<unknown>;
  readonly #patching: PatchContext;
  readonly #debug: boolean;
  #page: Instance | null = null;
  #state: ConnectionState | null = null;
  #queue: unknown[][] = [];
  #applying = false;
  #waiting = false;
  #loaded = false;
  // Between a request for missing statics and the refresh that follows, patches do not fit the page.
  #refreshDue = false;
  #bytesReceived = 0;
  #listening: AbortController | null = null;

  /** Throws an `Error` when neither the options nor the page name a session. */
  constructor(options: ClientOptions = {}) {
    const element = options.element ?? document.querySelector<HTMLElement>("script[data-page][data-plan]");
    const { page, plan, revision, ws, morph, limit } = element?.dataset ?? {};
    if (!page || plan === undefined) throw new Error("StateTemplate: no element with data-page and data-plan");
    const caching = options.enableCaching ?? true;
    this.#debug = options.debugMode ?? false;
    this.#statics = new StaticsCache(caching ? (options.maxCacheSize ?? 1000) : Infinity, caching ? storage() : null);
    this.#fields = new Fields(() => this.#pump());
    this.#actions = new Actions({
      fields: this.#fields,
      send: (action, data, fields) => this.#send(action, data, fields),
      filesSkipped: (action, names) =>
        report({ code: "file_skipped", level: "warning", message: `files are not sent: ${names.join(", ")}`, action }),
    });
    const src = (element as HTMLScriptElement).src || document.baseURI;
    const morphUrl = options.morphUrl ?? morph ?? new URL("morph.js", src).href;
    this.#loadExtras = () => loadExtras(morphUrl, element?.nonce);
    this.#patching = { statics: this.#statics, fields: this.#fields };
    this.#connection = new Connection({
      url: socketUrl(options.url ?? ws ?? "/ws"),
      page,
      plan,
      revision: Number(revision ?? 0),
      ...(limit && { limit: Number(limit) }),
      hashes: () => (caching ? this.#statics.hashes() : []),
      frame: (frame, size) => this.#receive(frame, size),
      state: (state, reason) => this.#changeState(state, reason),
    });
  }

  /** The page's state; `null` before the first connection was made or has failed. */
  get state(): ConnectionState | null {
    return this.#state;
  }

  /** Indexes the page, connects, and stays connected until `disconnect()` or the session's end. */
  connect(): void {
    if (this.#listening) return;
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    const connection = this.#connection;
    const wake = (): void => connection.wake();
    // A page that is looked at again does not wait for the next step of the back-off.
    document.addEventListener("visibilitychange", () => document.hidden || wake(), { signal });
    addEventListener("pageshow", wake, { signal });
    addEventListener("online", wake, { signal });
    // A socket does not notice that its network is gone; the page would believe it for minutes.
    addEventListener("offline", () => connection.pause(), { signal });
    addEventListener(
      "pagehide",
      () => {
        this.#actions.flush(document);
        this.#statics.save();
        // An open socket would keep the page out of the back-forward cache.
        connection.pause();
      },
      { signal },
    );
    this.#fields.start();
    this.#actions.start();
    const begin = (): void => {
      if (signal.aborted) return;
      try {
        this.#index();
      } catch (error) {
        this.#cannotApply(error);
      }
      connection.connect();
    };
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin, { signal });
    else begin();
  }

  /** Closes the connection and removes every listener. Unanswered actions wait for the next `connect()`. */
  disconnect(): void {
    this.#listening?.abort();
    this.#listening = null;
    this.#fields.stop();
    this.#actions.stop();
    this.#statics.save();
    this.#connection.disconnect();
  }

  /**
   * Sends an action. The promise resolves with the handler's answer (`undefined` if it gave none) once the page
   * shows the change, or rejects with an `Error` whose `code` says why: a code of PROTOCOL.md, `too_many` when 100
   * actions wait already, or the reason for which the session ended.
   *
   * `source` is the form or field whose edits the data carries. Give it when a script sends what a person typed, so
   * that the server's value of those fields counts again after the answer.
   */
  sendUpdate(action: string, data?: unknown, source?: Element): Promise<unknown> {
    return this.#send(action, data, source ? (source as HTMLFormElement).elements ?? [source] : []);
  }

  /** What the cache of statics has done on this page. */
  getCacheStats(): CacheStats {
    const counts = this.#statics.stats();
    const needed = counts.hits + counts.misses;
    return { ...counts, bytesReceived: this.#bytesReceived, hitRate: needed ? counts.hits / needed : 0 };
  }

  #send(action: string, data: unknown, fields: Iterable<Element>): Promise<unknown> {
    if (this.#debug) console.debug("statetemplate >", action, data);
    const sent = this.#connection.send(action, data ?? {}, (number) => this.#fields.carry(fields, number));
    sent.catch((error: ActionError) => {
      report({ code: error.code ?? "bad_payload", level: "error", message: error.message, action });
    });
    return sent;
  }

  #receive(frame: unknown[], size: number): void {
    this.#bytesReceived += size;
    if (this.#debug) console.debug("statetemplate <", ...frame);
    this.#queue.push(frame);
    this.#pump();
  }

  /** Applies what arrived, in order, as far as nothing holds it back. */
  #pump(): void {
    if (this.#applying || this.#waiting || this.#fields.composing) return;
    this.#applying = true;
    while (this.#queue.length > 0) {
      const frame = this.#queue[0]!;
      try {
        this.#apply(frame);
        this.#queue.shift();
      } catch (error) {
        if (error instanceof ExtrasNeeded && !this.#loaded) {
          this.#waiting = this.#loaded = true;
          void this.#loadExtras().then(() => {
            this.#waiting = false;
            this.#pump();
            // When they did not come, the refresh that is asked for then tries again.
            this.#loaded = false;
          });
          break;
        }
        if (!(error instanceof MissingStatics)) {
          this.#cannotApply(error);
          break;
        }
        // Patches are passed over until the refresh; their answers count, so this frame goes round once more.
        this.#refreshDue = true;
        this.#connection.missing(error.fragment);
      }
    }
    this.#applying = false;
    this.#connection.acknowledge();
  }

  #apply(frame: unknown[]): void {
    switch (frame[0]) {
      case FromServer.Answer:
        this.#answer(frame[1], frame[2], null);
        break;
      case FromServer.Error: {
        const [, number, code, text] = frame;
        this.#fields.answered(Number(number), false);
        this.#connection.settle(number, { error: new ActionError(String(code), String(text ?? "")) });
        break;
      }
      case FromServer.Event:
        emit("statetemplate:push", { name: String(frame[1]), data: frame[2] });
        break;
      case FromServer.Statics:
        if (!isObject(frame[1])) malformed("statics");
        this.#statics.announce(frame[1] as StaticsFrame);
        whenIdle(() => this.#statics.save());
        emit("statetemplate:cache", this.getCacheStats());
        break;
      case FromServer.Refresh:
        this.#refresh(frame[1], frame[2], frame[3]);
        break;
      default:
        if (typeof frame[0] === "number") this.#patch(frame[0], frame);
        else if (this.#debug) console.debug("statetemplate: unknown frame", frame);
    }
  }

  #patch(revision: number, frame: unknown[]): void {
    const change = this.#refreshDue ? null : preparePatch(frame[1], this.#page!, this.#patching);
    if (frame.length > 2) this.#answer(frame[2], frame[3], change);
    else change?.();
    if (!change) return;
    this.#connection.applied(revision);
    emit("statetemplate:update", { revision, kind: "patch" });
    if (this.#debug) emit("statetemplate:cache", this.getCacheStats());
  }

  /** Applies an answer and the change that came with it: its fields are the server's again, with the new values. */
  #answer(number: unknown, value: unknown, change: (() => void) | null): void {
    const restore = this.#fields.answered(Number(number), true);
    change?.();
    restore();
    this.#connection.settle(number, { value });
  }

  #refresh(revision: unknown, plan: unknown, html: unknown): void {
    if (typeof revision !== "number" || typeof plan !== "string" || typeof html !== "string") malformed("a refresh");
    extras().refresh(parsePage(html), this.#fields.held());
    this.#showState();
    if (plan !== this.#connection.plan) this.#statics.forgetPlan();
    this.#connection.plan = plan;
    this.#index();
    this.#refreshDue = false;
    this.#connection.applied(revision);
    emit("statetemplate:update", { revision, kind: "refresh" });
  }

  #index(): void {
    this.#page = indexTree(document).slots;
  }

  /** The frame does not fit the page, or the page is no longer what it was: ask for a refresh. */
  #cannotApply(error: unknown): void {
    const { code = "protocol", message = String(error) } = error as ActionError;
    report({ code: String(code), level: "error", message });
    this.#queue = [];
    this.#connection.resync(message);
  }

  #changeState(state: ConnectionState, reason: string): void {
    this.#state = state;
    this.#showState();
    if (state === "connected") {
      emit("statetemplate:connected", { revision: this.#connection.revision });
      return;
    }
    // What is not applied yet comes again: the next join names the revision that the page shows.
    this.#queue = [];
    this.#refreshDue = false;
    if (state === "expired") emit("statetemplate:expired", { reason });
    else emit("statetemplate:disconnected", { reason });
  }

  #showState(): void {
    if (this.#state) document.documentElement.setAttribute(STATE_ATTRIBUTE, this.#state);
  }
}

function report(detail: ErrorDetail): void {
  emit("statetemplate:error", detail);
}

function socketUrl(path: string): string {
  return new URL(path, location.href).href.replace(/^http/, "ws");
}

function storage(): StaticsStorage | null {
  try {
    return localStorage;
  } catch {
    // The browser refuses storage to this page.
    return null;
  }
}

function whenIdle(run: () => void): void {
  if ("requestIdleCallback" in globalThis) requestIdleCallback(run);
  else setTimeout(run, 200);
}
