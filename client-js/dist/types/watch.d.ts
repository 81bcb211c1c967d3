import type { Connection, Socket } from "./connection.js";
import type { Extras } from "./load.js";
export interface Watch extends Pick<Extras, "watch" | "simulateLatency"> {
    /** Takes up what the tab simulated before its page was loaded. */
    resume(): void;
}
export declare function createWatch(connection: Connection): Watch;
/** Puts itself between the connection and its socket. */
export declare function watchSocket(inner: Socket, delay: number, debug?: boolean): Socket;
