export { StateTemplateClient, type CacheStats, type ClientOptions } from "./client.js";
export { ActionError, type ConnectionState } from "./connection.js";
export type { ErrorDetail, StateTemplateEvents } from "./events.js";
export type { Hook, HookElement } from "./hooks.js";
