//! Builds a server of the workspace, starts it on a free port and stops it.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

const ROOT = join(import.meta.dirname, "../../..");

/** Builds the package (an instant if it is built already) and returns the path of its executable. */
export function build(name) {
  const messages = execFileSync("cargo", ["build", "--quiet", "--package", name, "--message-format", "json"], {
    cwd: ROOT,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const executables = messages
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line))
    .filter((message) => message.executable && message.target.kind.includes("bin"));
  if (executables.length !== 1) throw new Error(`${name} should have one executable, not ${executables.length}`);
  return executables[0].executable;
}

/** A running server: its address, and what it wrote to its error output. */
export class Server {
  #process;
  errors = "";

  /** Starts the package's executable; `port` 0 takes a free one. */
  static async start(name, port = 0) {
    const server = new Server();
    const env = { ...process.env, PORT: String(port), SIGNING_KEY: "a secret of the end-to-end tests" };
    server.#process = spawn(build(name), { env, stdio: ["ignore", "pipe", "pipe"] });
    server.#process.stderr.on("data", (text) => (server.errors += text));
    const lines = createInterface({ input: server.#process.stdout });
    const ended = once(server.#process, "exit").then(([code]) => {
      throw new Error(`${name} ended with ${code}: ${server.errors}`);
    });
    ended.catch(() => {});
    const [address] = await Promise.race([once(lines, "line"), ended]);
    server.address = address;
    return server;
  }

  get port() {
    return Number(new URL(this.address).port);
  }

  /** Asks the server to end, as a deploy does, and returns its exit code; kills it if it stays for 10 seconds. */
  async stop() {
    if (this.#process.exitCode !== null) return this.#process.exitCode;
    const exit = once(this.#process, "exit");
    this.#process.kill("SIGTERM");
    const patience = setTimeout(() => this.#process.kill("SIGKILL"), 10_000);
    const [code] = await exit;
    clearTimeout(patience);
    return code;
  }
}
