//! The classic script: connects by itself from its own element and exposes `window.StateTemplate`.

import { ActionError, StateTemplateClient, type Hook } from "./index.js";

const element = document.currentScript as HTMLScriptElement | null;
/** What `st-hook` names; the page's scripts fill it. */
const hooks: Record<string, Hook> = {};
const client = element?.dataset.page ? new StateTemplateClient({ element, hooks }) : null;

(globalThis as { StateTemplate?: unknown }).StateTemplate = {
  StateTemplateClient,
  ActionError,
  hooks,
  /** The page's client, or `null` when the script's element names no session. */
  client,
  /** Shorthand for `client.sendUpdate`; not there without a client. */
  sendUpdate: client?.sendUpdate,
};
client?.connect();
