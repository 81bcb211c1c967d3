import { type Streamed } from "./load.js";
export declare const streamed: Streamed;
