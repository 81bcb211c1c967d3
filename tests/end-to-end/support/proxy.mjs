//! A network that can fail: passes connections on to a server until it is told to lose them.

import { once } from "node:events";
import { connect, createServer } from "node:net";

export class Proxy {
  #server;
  #pairs = new Set();
  #up = true;
  #deaf = false;

  static async before(port) {
    const proxy = new Proxy();
    proxy.#server = createServer((near) => proxy.#pass(near, port));
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get address() {
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  /** Loses every connection, and every new one until `restore()`. */
  fail() {
    this.#up = false;
    for (const pair of this.#pairs) this.#lose(pair);
  }

  /** Delivers what the browser sends, but nothing that the server says: it may act, and nobody hears of it. */
  loseAnswers() {
    this.#deaf = true;
  }

  restore() {
    this.#up = true;
    this.#deaf = false;
  }

  close() {
    this.fail();
    this.#server.close();
  }

  #pass(near, port) {
    if (!this.#up) return near.destroy();
    const far = connect(port, "127.0.0.1");
    const pair = [near, far];
    this.#pairs.add(pair);
    near.on("data", (data) => far.write(data));
    far.on("data", (data) => this.#deaf || near.write(data));
    for (const end of pair) {
      end.on("error", () => this.#lose(pair));
      end.on("close", () => this.#lose(pair));
    }
  }

  #lose(pair) {
    if (!this.#pairs.delete(pair)) return;
    for (const end of pair) end.destroy();
  }
}
