import type { Socket } from "./connection.js";
/** Puts itself between the connection and its socket. */
export declare function watchSocket(inner: Socket, delay: number, debug?: boolean): Socket;
