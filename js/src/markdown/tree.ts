// A tree of the nodes that shall be in the page: plain objects, which are cheap to make and to compare.

type VText = { text: string; dom?: Text };
export type VElement = {
  tag: string;
  attributes: Record<string, string>;
  children: VNode[];
  dom?: HTMLElement;
  image?: Image; // the image that a button loads
};
export type VNode = VText | VElement;
export type Image = { url: string; alt: string };

export function element(tag: string, attributes: Record<string, string> = {}, children: VNode[] = []): VElement {
  return { tag, attributes, children };
}

export function isText(node: VNode | undefined): node is VText {
  return node !== undefined && "text" in node;
}

/** Appends text, in one node with the text before it. */
export function addText(children: VNode[], text: string): void {
  const last = children.at(-1);
  if (isText(last)) last.text += text;
  else if (text !== "") children.push({ text });
}
