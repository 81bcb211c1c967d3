//! What runs inside of the pages of the attack tests: does what a person may do, and says what the page is.

/** Clicks, hovers, focuses and submits everything in a document, and fires every event that something listens for. */
export function provoke(root) {
  const view = root.ownerDocument?.defaultView ?? root.defaultView;
  const document = root.ownerDocument ?? root;
  if (!view.kept) {
    view.kept = true;
    // Addresses that are no code would lead away from the test.
    const stay = (address) => !/^\s*(javascript|vbscript|data):/i.test(address ?? "");
    document.addEventListener("click", (event) => {
      const link = event.composedPath().find((node) => node.localName === "a" || node.localName === "area");
      if (link && stay(link.href?.animVal ?? link.href)) event.preventDefault();
    });
    document.addEventListener("submit", (event) => {
      if (stay(event.submitter?.formAction ?? event.target.action)) event.preventDefault();
    });
  }
  for (const element of root.querySelectorAll("*")) {
    for (const name of element.getAttributeNames()) {
      if (/^on[a-z]+$/.test(name)) element.dispatchEvent(new view.Event(name.slice(2), { cancelable: true }));
    }
    element.dispatchEvent(new view.MouseEvent("mouseover", { bubbles: true }));
    if (element.tabIndex >= 0) element.focus?.();
    const clicked = /^(a|area|button|summary|input|text|mi)$/.test(element.localName);
    // A handler of the element itself was called already.
    if (clicked && !element.hasAttribute("onclick")) {
      element.dispatchEvent(new view.MouseEvent("click", { bubbles: true, cancelable: true, composed: true }));
    }
  }
}

/** What stands in each row of each place: its shape, and what in it must never be. */
export function describe() {
  const styles = (style) => [...style].sort().join(" ");
  const shape = (node, found) => {
    const content = node.localName === "template" ? node.content : node;
    const inside = [...content.children].map((child) => shape(child, found));
    if (!node.localName || node.localName === "section") return inside.join("");
    const names = node.getAttributeNames().filter((name) => name !== "st").sort();
    for (const name of names) {
      found.names.push(`${node.localName} ${name}`);
      if (name.startsWith("on") && node.namespaceURI && typeof node[name] === "function") found.handlers.push(name);
    }
    // Whatever the browser thinks is an address.
    for (const name of ["href", "src", "action", "formAction", "data", "currentSrc", "poster", "ping"]) {
      const value = node[name]?.animVal ?? node[name];
      if (typeof value === "string" && value !== "" && !(name === "data" && node.localName !== "object")) {
        found.addresses.push([node.localName, name, value]);
      }
    }
    if (node.style && node.getAttribute("style")) found.properties.push(`inline ${styles(node.style)}`);
    if (node.localName === "style" && node.sheet) {
      for (const rule of node.sheet.cssRules) {
        found.properties.push(rule.style ? `rule ${styles(rule.style)}` : `other ${rule.cssText}`);
      }
    }
    if (node.localName === "iframe" && node.hasAttribute("srcdoc") && node.contentDocument?.body) {
      inside.push(shape(node.contentDocument.documentElement, found));
    }
    return `<${node.localName} ${names.join(" ")}>${inside.join("")}</>`;
  };
  const places = {};
  for (const place of document.querySelectorAll("div[id^=place]")) {
    places[place.id.slice(5)] = [...place.children].map((row) => {
      const found = { names: [], handlers: [], addresses: [], properties: [], elements: [] };
      const rowShape = shape(row, found);
      found.elements = [...row.querySelectorAll("*")].map((element) => element.localName);
      return { shape: rowShape, tag: row.localName, ...found };
    });
  }
  return { places, ran: window.ran.length, calls: window.calls };
}
