// Brings the page from one tree to the next with few changes. Text grows in its node, and equal parts are not touched,
// so that selections stay.

import { isText, type VElement, type VNode } from "./tree";

let made = 0;

/** How many elements create() has made in this page. */
export const elementsMade = (): number => made;

/** Makes the nodes of a tree. */
export function create(node: VNode, parent?: Node): Node {
  const dom = isText(node) ? document.createTextNode(node.text) : document.createElement(node.tag);
  // A parent comes before what is in it. To move a made tree costs as much as it has nodes, at each level anew.
  parent?.appendChild(dom);
  node.dom = dom as Text & HTMLElement;
  if (isText(node)) return dom;
  made += 1;
  for (const child of node.children) create(child, dom);
  for (const [name, value] of Object.entries(node.attributes)) node.dom.setAttribute(name, value);
  if (node.image) loadsOnClick(node.dom, node.image);
  return dom;
}

/** Replaces the children `from` of `parent` by `to`. They stand before `end`, or last. */
export function patch(parent: Node, from: VNode[], to: VNode[], end: Node | null = null): void {
  let head = 0;
  const shared = Math.min(from.length, to.length);
  while (head < shared && same(from[head] as VNode, to[head] as VNode)) {
    update(from[head] as VNode, to[head] as VNode);
    head += 1;
  }
  let tail = 0;
  while (tail < shared - head && same(from[from.length - 1 - tail] as VNode, to[to.length - 1 - tail] as VNode)) {
    update(from[from.length - 1 - tail] as VNode, to[to.length - 1 - tail] as VNode);
    tail += 1;
  }
  const before = (tail > 0 ? from[from.length - tail]?.dom : null) ?? end;
  for (const node of from.slice(head, from.length - tail)) node.dom?.remove();
  for (const node of to.slice(head, to.length - tail)) parent.insertBefore(create(node), before);
}

/** Whether the nodes in the page are still as they were made from the tree. */
export function isIntact(node: VNode): boolean {
  if (isText(node)) return node.dom?.data === node.text;
  const found = node.dom?.childNodes;
  return (
    found?.length === node.children.length &&
    node.children.every((child, index) => child.dom === found[index] && isIntact(child))
  );
}

function same(from: VNode, to: VNode): boolean {
  if (isText(from) || isText(to)) return isText(from) && isText(to);
  return from.tag === to.tag && from.image?.url === to.image?.url;
}

function update(from: VNode, to: VNode): void {
  if (isText(from) && isText(to)) {
    const dom = from.dom as Text;
    to.dom = dom;
    setText(dom, from.text, to.text);
  } else if (!isText(from) && !isText(to)) {
    const dom = from.dom as HTMLElement;
    to.dom = dom;
    setAttributes(dom, from, to);
    patch(dom, from.children, to.children);
  }
}

// Only the part that differs is changed, so that a selection in the rest of the node stays.
function setText(dom: Text, from: string, to: string): void {
  if (from === to) return;
  if (to.startsWith(from)) {
    dom.appendData(to.slice(from.length));
    return;
  }
  let start = 0;
  while (start < from.length && from[start] === to[start]) start += 1;
  dom.replaceData(start, from.length - start, to.slice(start));
}

function setAttributes(dom: HTMLElement, from: VElement, to: VElement): void {
  for (const name of Object.keys(from.attributes)) if (!(name in to.attributes)) dom.removeAttribute(name);
  for (const [name, value] of Object.entries(to.attributes)) {
    if (from.attributes[name] !== value) dom.setAttribute(name, value);
  }
}

function loadsOnClick(button: HTMLElement, { url, alt }: { url: string; alt: string }): void {
  button.addEventListener(
    "click",
    () => {
      const image = document.createElement("img");
      image.referrerPolicy = "no-referrer";
      image.alt = alt;
      image.src = url;
      button.replaceChildren(image);
    },
    { once: true },
  );
}
