//! Ties the layers together: frames from the connection to the page, actions from the page to the connection.

import { createActions } from "./actions.js";
import { setAttribute } from "./attributes.js";
import { added, served, unwatch, watch } from "./changes.js";
import { ActionError, createConnection, type ConnectionState, type Socket } from "./connection.js";
import { emit, type ErrorDetail } from "./events.js";
import { heldStatics } from "./held.js";
import type { Hook } from "./hooks.js";
import { indexTree, type Instance } from "./index-page.js";
import { createFields } from "./input.js";
import { createLoader, type Extras, type ScriptNeeded } from "./load.js";
import { createPatcher, type Change } from "./patch.js";
import type { MissingStatics } from "./statics.js";
import { trustedHtml } from "./trust.js";
import { FromServer, isObject, malformed, PROTOCOL, type Parts, type StaticsFrame } from "./wire.js";

/** How a client connects and what it keeps. All of it is optional on a page that the server rendered. */
export interface ClientOptions {
  /** The element that names the session by `data-page`, `data-plan` and `data-revision`; found in the page if left out. */
  element?: HTMLElement | null;
  /** Address of the WebSocket. Default: the element's `data-ws`, else `/ws`, on the page's host. */
  url?: string;
  /** Address of any file in the folder of `extras.js` and `morph.js`. Default: the element's `src`. */
  scripts?: string;
  /** Whether statics are kept for the browser's next pages (in `localStorage`). Default: true. */
  enableCaching?: boolean;
  /** How many fragments' statics are kept at most, least recently used first out. Default: 1000. */
  maxCacheSize?: number;
  /** Whether frames are printed to the console, and cache events sent at each update. Default: false. */
  debugMode?: boolean;
  /** What `st-hook` names. More may be put into the client's `hooks` later. */
  hooks?: Record<string, Hook>;
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

/** The `<html>` attribute that holds the state, for style sheets, as does a class: `st-connected` and so on. */
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
  /** Indexes the page, connects, and stays connected until `disconnect()` or the session's end. */
  readonly connect: () => void;

  /** Closes the connection and removes every listener. Unanswered actions wait for the next `connect()`. */
  readonly disconnect: () => void;

  /**
   * Sends an action. The promise resolves with the handler's answer (`undefined` if it gave none) once the page
   * shows the change, or rejects with an `Error` whose `code` says why: a code of PROTOCOL.md, `too_many` when 100
   * actions wait already, or the reason for which the session ended.
   *
   * `source` is the form or field whose edits the data carries. Give it when a script sends what a person typed, so
   * that the server's value of those fields counts again after the answer.
   */
  readonly sendUpdate: (action: string, data?: unknown, source?: Element) => Promise<unknown>;

  /** What the cache of statics has done on this page. */
  readonly getCacheStats: () => CacheStats;

  /**
   * For development: reconnects with `round` milliseconds for each way there and back, in this tab until it is called
   * with 0.
   */
  readonly simulateLatency: (round: number) => void;

  /** What `st-hook` names. */
  readonly hooks: Record<string, Hook>;

  /** The page's state; `null` before `connect()`. */
  state: ConnectionState | null = null;

  /** Throws an `Error` when neither the options nor the page name a session. */
  constructor(options: ClientOptions = {}) {
    const element = options.element ?? document.querySelector<HTMLElement>("script[data-page][data-plan]");
    const { page, plan, revision, ws, limit, scope } = element?.dataset ?? {};
    if (!page || plan === undefined) throw new Error("StateTemplate: no data-page");
    const base = (element as HTMLScriptElement).src || document.baseURI;
    const { url = ws ?? "/ws", scripts = base, enableCaching: caching = true, maxCacheSize: capacity = 1000, debugMode } = options;
    const held = caching ? heldStatics() : new Map<string, Parts>();

    let instance: Instance = [];
    let queue: (unknown[] | ArrayBuffer)[] = [];
    let pumping = false;
    // Between a request for missing statics and the refresh that follows, patches do not fit the page.
    let refreshDue = false;
    const stats = { hits: 0, misses: 0, bytesReceived: 0, bytesSaved: 0 };
    let listening: AbortController | undefined;
    // What waits for the extras: what needs them, and what goes on without them.
    const tasks: Task[] = [];
    const early: Task[] = [];

    /** Applies what arrived, in order, as far as nothing holds it back. */
    const pump = async (): Promise<void> => {
      if (pumping) return;
      pumping = true;
      while (queue[0] && !fields.composing()) {
        const waiting = queue;
        try {
          const next = queue[0];
          if (Array.isArray(next)) {
            apply(next);
            queue.shift();
          } else {
            waiting[0] = await need("extras").inflate(next);
          }
        } catch (error) {
          const { script, fragment } = error as ScriptNeeded & MissingStatics;
          if (script) await load(script);
          // Meanwhile the connection may have become another one.
          if (queue !== waiting || (script && got(script))) continue;
          if (fragment === undefined) {
            cannotApply(error);
          } else {
            // Patches are passed over until the refresh; their answers count, so this frame goes round once more.
            refreshDue = true;
            connection.missing(fragment);
          }
        }
      }
      pumping = false;
      connection.acknowledge();
    };

    const apply = (frame: unknown[]): void => {
      const [type, first, second, third] = frame;
      if (type === FromServer.Answer) {
        answer(first, second);
      } else if (type === FromServer.Error) {
        fields.answered(first as number, false);
        connection.settle(first, 0, new ActionError(second as string, third as string));
      } else if (type === FromServer.Event) {
        emit("statetemplate:push", { name: first as string, data: second });
      } else if (type === FromServer.Statics) {
        if (!isObject(first)) malformed("statics");
        need("extras").announce(first as StaticsFrame);
        whenIdle(need("extras").save);
        emit("statetemplate:cache", this.getCacheStats());
      } else if (type === FromServer.Refresh) {
        refresh(first, second, third);
      } else if (typeof type === "number") {
        const changes: Change[] = [];
        if (!refreshDue) patcher.prepare(first, instance, changes);
        if (second) answer(second, third, changes);
        else perform(changes);
        if (!refreshDue) shown(type, "patch");
      }
    };

    /** Applies an answer and the change that came with it: its fields are the server's again, with the new values. */
    const answer = (number: unknown, value: unknown, changes: Change[] = []): void => {
      changes.push(fields.answered(number as number, true));
      perform(changes);
      connection.settle(number, value);
    };

    /** Changes the page. What scripts do when they hear of it is theirs again. */
    const perform = (changes: Change[]): void => {
      unwatch();
      const put = fields.keep();
      for (const change of changes) change();
      put();
      watch();
    };

    const refresh = (revision: unknown, plan: unknown, html: unknown): void => {
      if (typeof revision !== "number" || typeof plan !== "string" || typeof html !== "string") malformed("refresh");
      const morph = need("morph");
      perform([() => morph.refresh(html)]);
      if (plan !== connection.plan) got("extras")?.forgetPlan();
      connection.plan = plan;
      index();
      refreshDue = false;
      shown(revision, "refresh");
    };

    const shown = (revision: number, kind: "patch" | "refresh"): void => {
      connection.applied(revision);
      emit("statetemplate:update", { revision, kind });
      if (debugMode) emit("statetemplate:cache", this.getCacheStats());
    };

    const index = (): void => {
      instance = indexTree(document).slots;
    };

    /** The frame does not fit the page, or the page is no longer what it was: ask for a refresh. */
    const cannotApply = (error: unknown): void => {
      const { message } = error as Error;
      report("protocol", message);
      queue = [];
      connection.resync(message);
    };

    const changeState = (state: ConnectionState, reason: string): void => {
      const root = document.documentElement;
      root.classList.remove("st-" + this.state);
      root.classList.add("st-" + state);
      root.setAttribute(STATE_ATTRIBUTE, (this.state = state));
      // What is not applied yet comes again: the next join names the revision that the page shows.
      queue = [];
      refreshDue = false;
      emit(`statetemplate:${state}`, { reason, revision: connection.revision });
      if (state !== "expired") whenIdle(() => arrive().then(() => whenIdle(() => load("morph"))));
    };

    const send = (action: string, data: unknown, carried: Iterable<Element>): Promise<unknown> => {
      const sent = connection.send(action, data ?? {}, (number) => fields.carry(carried, number));
      sent.catch((error: ActionError) => {
        report(error.code ?? "bad_payload", error.message, action);
      });
      return sent;
    };

    /** Loads the extras, and then does what waits for them. */
    const arrive = async (): Promise<void> => {
      await load("extras");
      const extras = got("extras");
      if (extras) for (const task of early.splice(0)) task(extras);
      // Perhaps the network is gone, of which only the extras hear.
      else if (this.state === "connected") connection.wake();
      for (const task of tasks.splice(0)) task(extras);
    };

    const later = (task: Task): void => {
      const extras = got("extras");
      if (extras && !tasks[0]) task(extras);
      else if (tasks.push(task) < 2) void arrive();
    };

    const soon = (task: Task): void => {
      if (tasks[0] || got("extras")) later(task);
      // Nobody waits for what was done long before the extras came.
      else if (early.length < 20) early.push(task);
    };

    const fields = createFields(pump);
    const patcher = createPatcher(fields, (name) => need(name));
    const actions = createActions({
      fields,
      send,
      later,
      soon,
      idle: () => !tasks[0],
      filesSkipped(action, names) {
        report("file_skipped", "not sent: " + names, action, "warning");
      },
    });
    const connection = createConnection({
      page,
      plan,
      revision: Number(revision ?? 0),
      limit: Number(limit ?? 65536),
      hashes: () => [...held.keys()],
      frame(frame, size) {
        stats.bytesReceived += size;
        queue.push(frame);
        void pump();
      },
      state: changeState,
      createSocket(streaming, upgrade) {
        const address = new URL(url, location.href).href.replace(/^http/, "ws");
        const socket =
          (streaming && got("extras")?.streamed(base, address, upgrade)) || (new WebSocket(address, PROTOCOL) as unknown as Socket);
        return got("dev")?.watch(socket, debugMode) ?? socket;
      },
    });
    const { got, need, load } = createLoader(
      {
        client: this,
        act: actions.act,
        connection,
        fields,
        patcher,
        held,
        stats,
        capacity: caching ? capacity : Infinity,
        caching,
        indexTree,
        trustedHtml,
        served,
        added,
        setAttribute,
      },
      scripts,
      element!.nonce,
    );

    this.connect = () => {
      if (listening) return;
      listening = new AbortController();
      const { signal } = listening;
      fields.start(signal);
      actions.listen(signal);
      // First of all that waits, so that what arrives late hears the rest.
      if (got("extras")) got("extras")!.listen(signal);
      else early.unshift((extras) => signal.aborted || extras?.listen(signal));
      const begin = async (): Promise<void> => {
        if (signal.aborted) return;
        try {
          index();
        } catch (error) {
          cannotApply(error);
        }
        // From here on, so that the state's class counts as one that a script added.
        watch();
        changeState("connecting", "");
        // Which session the page joins, only its tab's storage says; and what prints frames has to be there before the first.
        if (debugMode) await load("dev");
        if (scope || debugMode) later(() => signal.aborted || connection.connect());
        else connection.connect();
      };
      if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin, { signal });
      else void begin();
    };

    this.disconnect = () => {
      listening?.abort();
      listening = undefined;
      unwatch();
      got("extras")?.save();
      connection.disconnect();
    };

    this.sendUpdate = (action, data, source) =>
      send(action, data, source ? ((source as HTMLFormElement).elements ?? [source]) : []);

    this.hooks = options.hooks ?? {};

    this.simulateLatency = (round) => void load("dev").then(() => got("dev")?.simulateLatency(round));

    this.getCacheStats = () => {
      const { hits, misses } = stats;
      return { ...stats, hitRate: hits && hits / (hits + misses), cacheSize: held.size };
    };
  }
}

type Task = (extras?: Extras) => unknown;

function report(code: string, message: string, action?: string, level: ErrorDetail["level"] = "error"): void {
  emit("statetemplate:error", { code, level, message, action });
}

function whenIdle(run: () => void): void {
  // Safari knows no idleness; there it is soon.
  (globalThis.requestIdleCallback ?? setTimeout)(run);
}
