//! The classic script: connects by itself from its own element and exposes `window.StateTemplate`.

import { ActionError, StateTemplateClient } from "./index.js";

const element = document.currentScript as HTMLScriptElement | null;
const client = element?.dataset.page ? new StateTemplateClient({ element }) : null;

(globalThis as { StateTemplate?: unknown }).StateTemplate = {
  StateTemplateClient,
  ActionError,
  /** The page's client, or `null` when the script's element names no session. */
  client,
  /** Shorthand for `client.sendUpdate`. */
  sendUpdate: (action: string, data?: unknown, source?: Element) =>
    client
      ? client.sendUpdate(action, data, source)
      : Promise.reject(new ActionError("session_expired", "this page has no session")),
};
client?.connect();
