//! Runs the cases in the browser: each client on each case, checked before it is timed.

import morphdom from "morphdom";
import { Idiomorph } from "idiomorph";
import { apply, operations } from "./floor.js";

/** A page in a frame of its own. */
async function open(html, head = "") {
  const frame = document.createElement("iframe");
  frame.style.cssText = "width:1200px;height:800px";
  document.body.append(frame);
  const { contentWindow: window, contentDocument } = frame;
  const loaded = new Promise((resolve) => (frame.onload = resolve));
  contentDocument.open();
  window.WebSocket = Socket;
  contentDocument.write(html.replace("</head>", head + "</head>"));
  contentDocument.close();
  await loaded;
  return frame;
}

/** A socket whose other end is this file. */
class Socket {
  static last = null;
  readyState = 0;
  constructor() {
    Socket.last = this;
    queueMicrotask(() => {
      this.readyState = 1;
      this.onopen();
      this.onmessage({ data: '["j",1]' });
    });
  }
  send() {}
  close() {}
}

/** What a document shows: marks, white space between elements and the order of attributes apart. */
function shown(document) {
  const probe = document.createElement("i");
  const write = (node) => {
    if (node.nodeType === 3) return node.data.trim() ? node.data : "";
    if (node.nodeType !== 1 || node.nodeName === "SCRIPT") return "";
    const attributes = [...node.attributes]
      .filter(({ name }) => name !== "st")
      .map(({ name, value }) => {
        if (name === "style") value = ((probe.style.cssText = value), probe.style.cssText);
        return ` ${name}=${JSON.stringify(value)}`;
      });
    const state = node.checked === undefined ? "" : ` is ${node.checked}`;
    const inner = [...node.childNodes].map(write).join("");
    return `<${node.nodeName}${attributes.sort().join("")}${state}>${inner}</>`;
  };
  return document.title + write(document.body);
}

const parse = (html) => new DOMParser().parseFromString(html, "text/html");

/** A client that is given the whole page: how it brings the body to new HTML. */
const whole = (change) => async (test) => {
  const frame = await open(test.before);
  const document = frame.contentDocument;
  const next = parse(test.after);
  const message = JSON.stringify({ title: next.title, body: next.body.outerHTML });
  const first = parse(test.before).body.innerHTML;
  const title = document.title;
  return {
    frame,
    run() {
      const { title, body } = JSON.parse(message);
      if (document.title !== title) document.title = title;
      change(document.body, body);
    },
    reset() {
      document.body.innerHTML = first;
      document.title = title;
    },
  };
};

const CLIENTS = {
  async floor(test) {
    const frame = await open(test.before);
    const document = frame.contentDocument;
    const first = parse(test.before).body.innerHTML;
    const { title } = document;
    const message = JSON.stringify(operations(parse(test.before), parse(test.after)));
    return {
      frame,
      run: () => apply(message, document),
      reset() {
        document.body.innerHTML = first;
        document.title = title;
      },
    };
  },

  async statetemplate(test) {
    const script = `<script src="/dist/extras.js"></script><script src="/dist/morph.js"></script>
      <script src="/dist/statetemplate.js" data-page="p" data-plan="${test.plan}" data-revision="1" defer></script>`;
    const frame = await open(test.annotated, script);
    await new Promise((resolve) => setTimeout(resolve));
    const socket = Socket.last;
    // A browser receives statics once, so that they come before what is timed.
    for (const data of test.statics) socket.onmessage({ data });
    let failed = null;
    frame.contentWindow.addEventListener("statetemplate:error", ({ detail }) => (failed = detail.message), true);
    const send = (data) => {
      socket.onmessage({ data });
      if (failed) throw new Error(failed);
    };
    return { frame, run: () => send(test.patch), reset: () => send(test.back) };
  },

  innerHTML: whole((body, html) => (body.outerHTML === html ? null : (body.innerHTML = parseBody(html)))),
  morphdom: whole((body, html) => morphdom(body, html)),
  idiomorph: whole((body, html) => Idiomorph.morph(body, html, { morphStyle: "outerHTML" })),
};

/** The content of a body's outer HTML. */
function parseBody(html) {
  return html.slice(html.indexOf(">") + 1, -"</body>".length);
}

/** Times one client on one case: the median of so many runs, in milliseconds. Throws when the page is wrong after any. */
export async function measure(test, client, repeats) {
  const { frame, run, reset } = await CLIENTS[client](test);
  const document = frame.contentDocument;
  const expected = shown(parse(test.after));
  const was = shown(parse(test.before));
  const times = [];
  // The first runs are not counted: the engine has yet to compile what runs.
  const warm = Math.min(repeats, 10);
  for (let at = 0; at < repeats + warm; at++) {
    void document.body.offsetHeight;
    const start = performance.now();
    run();
    const time = performance.now() - start;
    if (at >= warm) times.push(time);
    if (at < 2 || at === repeats + warm - 1) same(shown(document), expected, `${client} on ${test.name}`);
    reset();
    if (at < 2) same(shown(document), was, `${client} on ${test.name}, back again`);
  }
  frame.remove();
  times.sort((a, b) => a - b);
  return times[times.length >> 1];
}

function same(shows, expected, what) {
  if (shows === expected) return;
  let at = 0;
  while (shows[at] === expected[at]) at++;
  const near = (text) => text.slice(Math.max(0, at - 80), at + 80);
  throw new Error(`${what}: the page shows …${near(shows)}…, not …${near(expected)}…`);
}

globalThis.measure = measure;
globalThis.clients = Object.keys(CLIENTS);
