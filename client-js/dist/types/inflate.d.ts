/** A frame from its deflated bytes. Rejects when they are malformed, or more than a frame may have. */
export declare function inflate(bytes: ArrayBuffer): Promise<unknown[]>;
