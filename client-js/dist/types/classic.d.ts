import { ActionError, StateTemplateClient, type Hook } from "./index.js";
/** What the script puts on the window. */
export interface ClassicScript {
    StateTemplateClient: typeof StateTemplateClient;
    ActionError: typeof ActionError;
    /** What `st-hook` names; the page's scripts fill it. */
    hooks: Record<string, Hook>;
    /** The page's client, or `null` when the script's element names no session. */
    client: StateTemplateClient | null;
    /** Shorthand for `client.sendUpdate`; not there without a client. */
    sendUpdate: StateTemplateClient["sendUpdate"] | undefined;
}
declare global {
    var StateTemplate: ClassicScript;
}
