//! What a person or a script can have done to a page: how it comes about, and how one sees that it is still there.

import type { LivePage } from "./harness.js";

/** Something on the page that no update may undo. */
export interface Thing {
  /** as in "NAME survives when …" */
  name: string;
  /** its HTML as the server sends it; the element that it is about has the id `t`, a second one `u` */
  html: string;
  /** style rules that it needs, with `#t` for the element */
  css?: string;
  /** whether there can be only one such thing on a page, as there is one focus */
  alone?: true;
  /** brings it about; `t` is the selector of the element */
  begin(live: LivePage, t: string, u: string): Promise<unknown>;
  /** what it looks like; must be the same before and after the change */
  state(live: LivePage, t: string, u: string): Promise<unknown>;
  /** changes under which a browser cannot keep it, with what it looks like then: README.md says why */
  limit?: { when: string[]; state: unknown };
  /** ends it where it holds updates back, so that they can be applied; returns what it must look like then */
  end?(live: LivePage): Promise<unknown>;
}

/** What a test notes of a node before the change, to compare it with what is there afterwards. */
interface Noting {
  noted?: unknown;
  count?: number;
}

/** What has the focus, and its text and selection. */
const focusOf = (live: LivePage): Promise<unknown> =>
  live.page.evaluate(() => {
    const { id, value, selectionStart, selectionEnd, selectionDirection } = document.activeElement as HTMLInputElement;
    return { id, value, selectionStart, selectionEnd, selectionDirection };
  });

/** Defines a custom element that forgets its state when it is connected. */
function define(live: LivePage, name: string, moves: boolean): Promise<void> {
  return live.page.evaluate(
    ([name, moves]) => {
      class Custom extends HTMLElement {
        state = "";
        connectedCallback(): void {
          this.state = "fresh";
        }
      }
      if (moves) Object.assign(Custom.prototype, { connectedMoveCallback() {} });
      customElements.define(name as string, Custom);
    },
    [name, moves],
  );
}

/** Clicks as a person does, wherever else the page has its focus. */
const click = (live: LivePage, selector: string): Promise<void> =>
  live.page.$eval(selector, (element) => (element as HTMLElement).click());

export const THINGS: Thing[] = [
  {
    name: "the focus on a button",
    html: `<button id="t">press</button>`,
    alone: true,
    begin: (live, t) => live.page.focus(t),
    state: (live) => live.page.evaluate(() => document.activeElement?.id),
  },
  {
    name: "caret and selection in an input",
    html: `<input id="t" value="to be selected">`,
    alone: true,
    begin: (live, t) =>
      live.page.$eval(t, (field) => {
        (field as HTMLInputElement).focus();
        (field as HTMLInputElement).setSelectionRange(3, 8, "backward");
      }),
    state: focusOf,
  },
  {
    name: "caret and selection in a textarea",
    html: `<textarea id="t">to be selected</textarea>`,
    alone: true,
    begin: (live, t) =>
      live.page.$eval(t, (field) => {
        (field as HTMLTextAreaElement).focus();
        (field as HTMLTextAreaElement).setSelectionRange(3, 3);
      }),
    state: focusOf,
  },
  {
    name: "a selection of the page's text",
    html: `<p id="t">words that a person selects</p>`,
    alone: true,
    begin: (live, t) =>
      live.page.$eval(t, ({ firstChild }) => document.getSelection()!.setBaseAndExtent(firstChild!, 6, firstChild!, 19)),
    state: (live) => live.page.evaluate(() => String(document.getSelection())),
  },
  {
    name: "text typed into a field with the focus",
    html: `<input id="t" name="t" value="served">`,
    alone: true,
    async begin(live, t) {
      await live.page.focus(t);
      await live.page.keyboard.press("End");
      await live.page.keyboard.type(" and typed");
      await live.page.keyboard.press("ArrowLeft");
    },
    state: focusOf,
  },
  {
    name: "text typed into an input without the focus",
    html: `<input id="t" name="t" value="served">`,
    begin: (live, t) => live.page.fill(t, "typed"),
    state: (live, t) => live.page.inputValue(t),
  },
  {
    name: "text typed into a textarea without the focus",
    html: `<textarea id="t">served</textarea>`,
    begin: (live, t) => live.page.fill(t, "typed\ntwo"),
    state: (live, t) => live.page.inputValue(t),
  },
  {
    name: "the undo history of a field",
    html: `<input id="t">`,
    alone: true,
    async begin(live, t) {
      await live.page.focus(t);
      await live.page.keyboard.type("abc");
    },
    async state(live, t) {
      await live.page.keyboard.press("Control+z");
      const undone = await live.page.inputValue(t);
      await live.page.keyboard.press("Control+Shift+z");
      return [undone, await live.page.inputValue(t)];
    },
  },
  {
    name: "editable content that a person changed",
    html: `<div id="t" contenteditable>served <b>text</b></div>`,
    alone: true,
    async begin(live, t) {
      await live.page.focus(t);
      await live.page.keyboard.press("Control+End");
      await live.page.keyboard.type(" typed");
      await live.page.keyboard.press("Enter");
      await live.page.keyboard.type("twice");
    },
    state: (live, t) => live.page.$eval(t, (content) => [document.activeElement === content, content.innerHTML]),
  },
  {
    name: "a checkbox that a person toggled",
    html: `<input id="t" type="checkbox"><input id="u" type="checkbox" checked>`,
    async begin(live, t, u) {
      await click(live, t);
      await click(live, u);
    },
    state: (live, t, u) => Promise.all([live.page.isChecked(t), live.page.isChecked(u)]),
  },
  {
    name: "a radio button that a person chose",
    html: `<input id="t" type="radio" name="r" checked><input id="u" type="radio" name="r">`,
    begin: (live, _, u) => click(live, u),
    state: (live, t, u) => Promise.all([live.page.isChecked(t), live.page.isChecked(u)]),
  },
  {
    name: "the choice in a select",
    html: `<select id="t"><option>one</option><option selected>two</option><option>three</option></select>`,
    begin: (live, t) => live.page.selectOption(t, "three"),
    state: (live, t) => live.page.inputValue(t),
  },
  {
    name: "the choices in a multiple select",
    html: `<select id="t" multiple><option>one</option><option selected>two</option><option>three</option></select>`,
    begin: (live, t) => live.page.selectOption(t, ["one", "three"]),
    state: (live, t) =>
      live.page.$eval(t, (select) => [...(select as HTMLSelectElement).options].map(({ selected }) => selected)),
  },
  {
    name: "the file in a file input",
    html: `<input id="t" type="file">`,
    begin: (live, t) =>
      live.page.setInputFiles(t, { name: "a.txt", mimeType: "text/plain", buffer: Buffer.from("content") }),
    state: (live, t) =>
      live.page.$eval(t, async (field) => {
        const file = (field as HTMLInputElement).files?.[0];
        return [file?.name, await file?.text()];
      }),
  },
  {
    name: "a disclosure that a person opened",
    html: `<details id="t"><summary>more</summary>inside</details>`,
    begin: (live, t) => click(live, t + " summary"),
    state: (live, t) => live.page.$eval(t, (details) => (details as HTMLDetailsElement).open),
  },
  {
    name: "a disclosure that a person closed",
    html: `<details id="t" open><summary>more</summary>inside</details>`,
    begin: (live, t) => click(live, t + " summary"),
    state: (live, t) => live.page.$eval(t, (details) => (details as HTMLDetailsElement).open),
  },
  {
    name: "a modal dialog",
    html: `<dialog id="t"><input id="u"></dialog>`,
    alone: true,
    async begin(live, t) {
      await live.page.$eval(t, (dialog) => (dialog as HTMLDialogElement).showModal());
      await live.page.keyboard.type("in it");
    },
    state: (live, t) =>
      live.page.$eval(t, (dialog) => [
        (dialog as HTMLDialogElement).open,
        dialog.matches(":modal"),
        dialog.firstElementChild === document.activeElement,
        dialog.querySelector("input")!.value,
      ]),
  },
  {
    name: "an open popover",
    html: `<div id="t" popover>hint</div>`,
    alone: true,
    begin: (live, t) => live.page.$eval(t, (popover) => (popover as HTMLElement).showPopover()),
    state: (live, t) => live.page.$eval(t, (popover) => popover.matches(":popover-open")),
  },
  {
    name: "the position of an inner scroller",
    html: `<div id="t"><div>tall</div></div>`,
    css: `#t { overflow: auto; width: 90px; height: 90px } #t > div { width: 900px; height: 900px }`,
    begin: (live, t) => live.page.$eval(t, (scroller) => scroller.scrollTo(30, 77)),
    state: (live, t) => live.page.$eval(t, (scroller) => [scroller.scrollLeft, scroller.scrollTop]),
  },
  {
    name: "the position of the window",
    html: `<div id="t">tall</div>`,
    css: `html { overflow-anchor: none } #t { height: 5000px }`,
    alone: true,
    begin: (live) => live.page.evaluate(() => window.scrollTo(0, 1234)),
    state: (live) => live.page.evaluate(() => window.scrollY),
  },
  {
    name: "a CSS animation under way",
    html: `<div id="t">moves</div>`,
    css: `@keyframes k { to { opacity: 0 } } #t { animation: k 1000s linear }`,
    begin: (live, t) =>
      live.page.$eval(t, async (element) => {
        const animation = element.getAnimations()[0]!;
        await animation.ready;
        Object.assign(animation, { count: animation.startTime });
      }),
    state: (live, t) =>
      live.page.$eval(t, (element) => {
        const animation = element.getAnimations()[0] as (Animation & Noting) | undefined;
        return [animation?.playState, animation?.startTime != null && animation.count === animation.startTime];
      }),
  },
  {
    name: "a CSS transition under way",
    html: `<div id="t">fades</div>`,
    css: `#t { opacity: 1; transition: opacity 1000s linear } #t.faded { opacity: 0 }`,
    begin: (live, t) =>
      live.page.$eval(t, async (element) => {
        void getComputedStyle(element).opacity;
        element.classList.add("faded");
        const transition = element.getAnimations()[0]!;
        await transition.ready;
        Object.assign(transition, { count: transition.startTime });
      }),
    state: (live, t) =>
      live.page.$eval(t, (element) => {
        const transition = element.getAnimations()[0] as (Animation & Noting) | undefined;
        return [transition?.playState, transition?.startTime != null && transition.count === transition.startTime];
      }),
  },
  {
    name: "a document in an iframe",
    html: `<iframe id="t" srcdoc="<p>inner</p>"></iframe>`,
    begin: (live, t) =>
      live.page.$eval(t, async (element) => {
        const frame = element as HTMLIFrameElement;
        if (!frame.contentDocument?.querySelector("p")) await new Promise((resolve) => (frame.onload = resolve));
        (frame.contentWindow as Noting).noted = "was here";
      }),
    state: (live, t) =>
      live.page.$eval(t, (frame) => {
        const { contentWindow, contentDocument } = frame as HTMLIFrameElement;
        return [(contentWindow as Noting | null)?.noted, contentDocument?.body.textContent];
      }),
  },
  {
    name: "a video that plays",
    html: `<video id="t" width="40" height="30"></video>`,
    begin: (live, t) =>
      live.page.$eval(t, async (element) => {
        const video = element as HTMLVideoElement & Noting;
        const canvas = document.createElement("canvas");
        const paint = canvas.getContext("2d")!;
        setInterval(() => paint.fillRect(Math.random() * 90, 0, 9, 9), 20);
        video.muted = true;
        video.srcObject = canvas.captureStream(30);
        await video.play();
        video.count = 0;
        for (const type of ["pause", "emptied", "ended"]) video.addEventListener(type, () => video.count!++);
      }),
    state: (live, t) =>
      live.page.$eval(t, async (element) => {
        const video = element as HTMLVideoElement & Noting;
        // It plays if another frame of it is shown.
        if (!video.paused) await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
        return [video.paused, video.count];
      }),
  },
  {
    name: "what was painted on a canvas",
    html: `<canvas id="t" width="10" height="10"></canvas>`,
    begin: (live, t) =>
      live.page.$eval(t, (element) => {
        const paint = (element as HTMLCanvasElement).getContext("2d")!;
        paint.fillStyle = "#123456";
        paint.fillRect(0, 0, 5, 5);
      }),
    state: (live, t) =>
      live.page.$eval(t, (element) => [
        ...(element as HTMLCanvasElement).getContext("2d")!.getImageData(4, 4, 1, 1).data,
      ]),
  },
  {
    name: "a custom element's state",
    html: `<x-moves id="t">custom</x-moves>`,
    async begin(live, t) {
      await define(live, "x-moves", true);
      await live.page.$eval(t, (element) => Object.assign(element, { state: "changed" }).id);
    },
    state: (live, t) => live.page.$eval(t, (element) => (element as unknown as { state: string }).state),
  },
  {
    name: "the state of a custom element that does not know of moves",
    html: `<x-old id="t">custom</x-old>`,
    limit: { when: ["its row moves", "the page is sent anew with its row moved"], state: "fresh" },
    async begin(live, t) {
      await define(live, "x-old", false);
      await live.page.$eval(t, (element) => Object.assign(element, { state: "changed" }).id);
    },
    state: (live, t) => live.page.$eval(t, (element) => (element as unknown as { state: string }).state),
  },
  {
    name: "a shadow root, its text and its focus",
    html: `<div id="t"></div>`,
    alone: true,
    async begin(live, t) {
      await live.page.$eval(t, (host) => {
        const field = document.createElement("input");
        host.attachShadow({ mode: "open" }).append(field);
        field.focus();
      });
      await live.page.keyboard.type("in the shadow");
    },
    state: (live, t) =>
      live.page.$eval(t, ({ shadowRoot }) => {
        const field = shadowRoot?.querySelector("input");
        return [field?.value, field != null && shadowRoot?.activeElement === field];
      }),
  },
  {
    name: "a listener that a script added",
    html: `<button id="t">press</button>`,
    begin: (live, t) =>
      live.page.$eval(t, (button) => button.addEventListener("ping", () => ((button as Noting).noted = "heard"))),
    state: (live, t) =>
      live.page.$eval(t, (button) => {
        (button as Noting).noted = "";
        button.dispatchEvent(new Event("ping"));
        return (button as Noting).noted;
      }),
  },
  {
    name: "a property that a script set",
    html: `<div id="t">x</div>`,
    begin: (live, t) => live.page.$eval(t, (element) => Object.assign(element, { noted: "set" }).id),
    state: (live, t) => live.page.$eval(t, (element) => (element as Noting).noted),
  },
  {
    name: "a class that a script added",
    html: `<div id="t" class="served">x</div>`,
    begin: (live, t) => live.page.$eval(t, (element) => element.classList.add("scripted")),
    state: (live, t) => live.page.$eval(t, (element) => element.className),
  },
  {
    name: "a class that a script took away",
    html: `<div id="t" class="served other">x</div>`,
    begin: (live, t) => live.page.$eval(t, (element) => element.classList.remove("other")),
    state: (live, t) => live.page.$eval(t, (element) => element.className),
  },
  {
    name: "an attribute that a script added",
    html: `<a id="t" href="/served">x</a>`,
    begin: (live, t) => live.page.$eval(t, (element) => element.setAttribute("aria-expanded", "true")),
    state: (live, t) => live.page.getAttribute(t, "aria-expanded"),
  },
  {
    name: "an attribute that a script changed",
    html: `<a id="t" href="/served" style="color: red">x</a>`,
    begin: (live, t) =>
      live.page.$eval(t, (element) => {
        element.setAttribute("href", "/scripted");
        (element as HTMLElement).style.width = "33px";
      }),
    state: (live, t) => Promise.all([live.page.getAttribute(t, "href"), live.page.getAttribute(t, "style")]),
  },
  {
    name: "the absence of an attribute that a script took away",
    html: `<a id="t" href="/served" title="served">x</a>`,
    begin: (live, t) => live.page.$eval(t, (element) => element.removeAttribute("title")),
    state: (live, t) => live.page.getAttribute(t, "title"),
  },
  {
    name: "children that a script added",
    html: `<div id="t"><i>served</i></div>`,
    begin: (live, t) =>
      live.page.$eval(t, (element) => {
        const [last, beside, inBody] = ["last", "beside", "in-body"].map((name) => {
          const child = document.createElement("u");
          child.className = name;
          child.innerHTML = `<s>${name}</s>`;
          return child;
        });
        element.append(last!);
        element.parentElement!.append(beside!);
        document.body.append(inBody!);
      }),
    state: (live, t) =>
      live.page.$eval(t, (element) =>
        [element, element.parentElement!, document.body].map(({ lastElementChild: child }) => child?.outerHTML),
      ),
  },
  {
    name: "what a script put into an element that the server leaves empty",
    html: `<div id="t"></div>`,
    begin: (live, t) => live.page.$eval(t, (element) => (element.innerHTML = "<b>chart</b> <svg><g/></svg>")),
    state: (live, t) => live.page.$eval(t, (element) => element.innerHTML),
  },
  {
    name: "a subtree under st-ignore",
    html: `<div id="t" st-ignore>served</div>`,
    begin: (live, t) =>
      live.page.$eval(t, (element) => {
        element.innerHTML = "a <b>widget</b>";
        element.setAttribute("class", "widget");
      }),
    state: (live, t) => live.page.$eval(t, (element) => element.outerHTML),
  },
  {
    name: "an IME composition",
    html: `<input id="t">`,
    alone: true,
    async begin(live, t) {
      await live.page.$eval(t, (field) => {
        (field as HTMLElement).focus();
        (field as Noting).count = 0;
        document.addEventListener("compositionend", () => (field as Noting).count!++);
      });
      const cdp = await live.page.context().newCDPSession(live.page);
      await cdp.send("Input.imeSetComposition", { text: "にほ", selectionStart: 2, selectionEnd: 2 });
    },
    state: (live, t) => live.page.$eval(t, (field) => [(field as HTMLInputElement).value, (field as Noting).count]),
    async end(live) {
      const cdp = await live.page.context().newCDPSession(live.page);
      await cdp.send("Input.imeSetComposition", { text: "にほん", selectionStart: 3, selectionEnd: 3 });
      await cdp.send("Input.insertText", { text: "日本" });
      return ["日本", 1];
    },
  },
];
