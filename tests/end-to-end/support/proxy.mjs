//! A network that can fail: passes connections on to a server until it is told to lose them.

import { once } from "node:events";
import { connect, createServer } from "node:net";

export class Proxy {
  #server;
  #pairs = new Set();
  #up = true;
  #deaf = false;
  #sockets = "pass";

  static async before(port) {
    const proxy = new Proxy();
    proxy.#server = createServer((near) => proxy.#pass(near, port));
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  /** How many WebSockets are open. */
  get openSockets() {
    return [...this.#pairs].filter((pair) => pair.isSocket).length;
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

  /** Delivers nothing more, in either direction, over the connections that there are: they seem open and are dead. */
  swallow() {
    for (const pair of this.#pairs) {
      for (const end of pair) {
        end.removeAllListeners("data");
        end.resume();
      }
    }
  }

  /** What becomes of WebSockets: they `pass`, are `refuse`d, or are `cut` as soon as they are open. */
  sockets(fate) {
    this.#sockets = fate;
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
    near.on("data", (data) => {
      if (this.#sockets === "refuse" && /\r\nupgrade: websocket/i.test(data.toString("latin1"))) {
        near.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
      } else {
        far.write(data);
      }
    });
    far.on("data", (data) => {
      if (this.#deaf) return;
      near.write(data);
      if (!data.toString("latin1", 0, 12).startsWith("HTTP/1.1 101")) return;
      pair.isSocket = true;
      if (this.#sockets === "cut") this.#lose(pair);
    });
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
