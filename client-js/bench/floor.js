//! The floor: a patch as one would write it by hand, and the operations that it consists of. Runs in the benchmark's page.

/** Where a node is: the id of the nearest element that has one, and the way down from there. */
function address(node, root) {
  const path = [];
  while (node !== root && !node.id) {
    path.unshift([...node.parentNode.childNodes].indexOf(node));
    node = node.parentNode;
  }
  return [node === root ? "" : node.id, ...path];
}

/** The operations that turn `old` into `next`, both parsed; they are made outside of what is timed. */
export function operations(old, next) {
  const ops = [];
  if (old.title !== next.title) ops.push(["title", next.title]);
  compare(old.body, next.body, old.body, ops);
  return ops;
}

const isSpace = (node) => node.nodeType === 3 && !node.data.trim();
const keyOf = (node) => (node.nodeType === 1 && node.id) || node.nodeName;

function compare(old, next, root, ops) {
  for (const { name, value } of next.attributes) {
    if (old.getAttribute(name) !== value) ops.push(["set", address(old, root), name, value]);
  }
  for (const { name } of old.attributes) {
    if (!next.hasAttribute(name)) ops.push(["set", address(old, root), name, null]);
  }
  const was = [...old.childNodes].filter((node) => !isSpace(node));
  const is = [...next.childNodes].filter((node) => !isSpace(node));
  // Children that correspond from the front and from the back; between them by id, or by name in order.
  let front = 0;
  while (front < was.length && front < is.length && keyOf(was[front]) === keyOf(is[front])) front++;
  let back = 0;
  const most = Math.min(was.length, is.length) - front;
  while (back < most && keyOf(was.at(-1 - back)) === keyOf(is.at(-1 - back))) back++;
  const pairs = new Map();
  for (let at = 0; at < front; at++) pairs.set(is[at], at);
  for (let at = 1; at <= back; at++) pairs.set(is.at(-at), was.length - at);
  const left = new Map();
  for (let at = front; at < was.length - back; at++) {
    const key = keyOf(was[at]);
    left.set(key, [...(left.get(key) ?? []), at]);
  }
  for (const node of is.slice(front, is.length - back)) {
    const at = left.get(keyOf(node))?.shift();
    if (at !== undefined) pairs.set(node, at);
  }
  const kept = new Set(pairs.values());
  for (const [node, at] of pairs) {
    if (node.nodeType === 1) compare(was[at], node, root, ops);
    else if (node.data !== was[at].data) ops.push(["text", address(was[at], root), node.data]);
  }
  if (kept.size === 0 && was.length > 1 && was.every((node) => node.id)) ops.push(["clear", address(old, root)]);
  else was.forEach((node, at) => kept.has(at) || ops.push(["remove", address(node, root)]));
  const stays = longestIncreasing(is.filter((node) => pairs.has(node)).map((node) => pairs.get(node)));
  // From the back, so that what comes after is in its place already.
  let after = null;
  for (let at = is.length - 1; at >= 0; at--) {
    const position = pairs.get(is[at]);
    if (position === undefined) {
      let first = at;
      while (first > 0 && !pairs.has(is[first - 1])) first--;
      const html = is.slice(first, at + 1).map((node) => node.outerHTML ?? node.data).join("");
      ops.push(["insert", address(old, root), after, html]);
      at = first;
      // A row moved in front of it later goes before its successor, and so behind it: such a list is checked, too.
      continue;
    }
    if (!stays.has(position)) ops.push(["move", address(was[position], root), after]);
    after = address(was[position], root);
  }
}

function longestIncreasing(numbers) {
  const tails = [];
  const before = [];
  numbers.forEach((number, at) => {
    let low = 0;
    let high = tails.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (numbers[tails[middle]] < number) low = middle + 1;
      else high = middle;
    }
    before[at] = low > 0 ? tails[low - 1] : -1;
    tails[low] = at;
  });
  const stays = new Set();
  for (let at = tails.at(-1) ?? -1; at >= 0; at = before[at]) stays.add(numbers[at]);
  return stays;
}

/** Applies a message: everything is found before anything changes. This is what is timed. */
export function apply(message, document) {
  const { body } = document;
  const find = ([id, ...path]) => {
    let node = id ? document.getElementById(id) : body;
    for (const at of path) node = node.childNodes[at];
    return node;
  };
  const ops = JSON.parse(message);
  const found = ops.map(([kind, target, next]) => {
    if (kind === "title") return [document.querySelector("title").firstChild];
    return [find(target), (kind === "move" || kind === "insert") && next ? find(next) : null];
  });
  for (let at = 0; at < ops.length; at++) {
    const op = ops[at];
    const [node, next] = found[at];
    switch (op[0]) {
      case "title":
        node.data = op[1];
        break;
      case "text":
        node.data = op[2];
        break;
      case "set":
        if (op[3] === null) node.removeAttribute(op[2]);
        else node.setAttribute(op[2], op[3]);
        if (op[2] === "checked") node.checked = op[3] !== null;
        break;
      case "remove":
        node.remove();
        break;
      case "clear":
        node.textContent = "";
        break;
      case "insert":
        if (next?.nodeType === 1) next.insertAdjacentHTML("beforebegin", op[3]);
        else node.insertAdjacentHTML("beforeend", op[3]);
        break;
      case "move":
        if (node.parentNode.moveBefore) node.parentNode.moveBefore(node, next);
        else node.parentNode.insertBefore(node, next);
    }
  }
}
