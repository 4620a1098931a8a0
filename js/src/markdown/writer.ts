// Makes a tree of nodes from tokens. The rules, and the line breaks between the tags, are those of
// streamwidget/_saved/html.py, so that the saved answer is the same. Every tag and attribute is written here. Only
// three things of a model's text get into an attribute: a link's address, the start of a list and the language of a
// code block.

import type Token from "markdown-it/lib/token.mjs";
import { visible } from "../text/visible";
import { destinationOf, isLink, showsDestination } from "./links";
import { parts } from "./parts";
import { addText, element, type VElement, type VNode } from "./tree";

const TAGS = new Set("p blockquote ul ol li table thead tbody tr th td em strong s h1 h2 h3 h4 h5 h6 hr br".split(" "));
const LANGUAGE = /^[a-z0-9+-]{1,30}$/;
const ALIGNMENT = /^text-align:(?:left|center|right)$/;

/** What a link adds to the page: its address, and about 100 characters of tags and attributes. */
export const costOf = (url: string): number => url.length + 100;

type Open = { children: VNode[]; close(): void };

export class Writer {
  /** What the links cost so far. */
  spent = 0;
  #budget: number;
  #stack: Open[] = [];
  #children: VNode[] = [];
  #links = 0;
  #buttons: VElement[] = [];

  constructor(budget: number) {
    this.#budget = budget;
  }

  blocks(tokens: Token[]): VNode[] {
    tokens.forEach((token, index) => {
      if (token.type === "inline") {
        for (const child of token.children ?? []) this.#inline(child);
      } else if (token.type === "fence" || token.type === "code_block") {
        this.#children.push(codeBlock(token.info, visible(token.content)));
        this.#text("\n");
      } else if (!token.hidden) {
        if (token.nesting !== -1 && tokens[index - 1]?.hidden) this.#text("\n");
        this.#tag(token, tokens[index + 1]?.content === "");
        const next = token.nesting === 1 ? tokens[index + 1] : undefined;
        const joined =
          next && (next.type === "inline" || next.hidden || (next.nesting === -1 && next.tag === token.tag));
        if (!joined) this.#text("\n");
      }
    });
    return this.#children;
  }

  #text(text: string): void {
    addText(this.#children, text);
  }

  // Puts each dollar and backslash outside of formulas into an element of its own, where MathJax sees no pair.
  #guarded(text: string): void {
    for (const piece of visible(text).split(/([$\\])/)) {
      if (piece === "$" || piece === "\\") this.#children.push(element("span", {}, [{ text: piece }]));
      else this.#text(piece);
    }
  }

  #tag(token: Token, isEmpty = false): void {
    if (!TAGS.has(token.tag)) throw new Error(`unknown token ${token.type}`);
    if (token.nesting === -1) {
      this.#close();
      return;
    }
    const attributes: Record<string, string> = {};
    // On each cell with a text, because JupyterLab puts the cells of saved HTML to the right.
    const isCell = token.tag === "th" || token.tag === "td";
    if (isCell && !isEmpty) attributes.style = "text-align:left";
    for (const [name, value] of token.attrs ?? []) {
      if (name === "start" && typeof value === "number") attributes.start = String(value);
      if (name === "style" && !isEmpty && ALIGNMENT.test(String(value))) attributes.style = String(value);
    }
    const made = element(token.tag, attributes);
    this.#children.push(made);
    if (token.nesting === 1) this.#open(made.children);
  }

  #open(children: VNode[], closed: () => void = () => {}): void {
    const outer = this.#children;
    this.#stack.push({
      children,
      close: () => {
        this.#children = outer;
        closed();
      },
    });
    this.#children = children;
  }

  #close(): void {
    this.#stack.pop()?.close();
  }

  #inline(token: Token): void {
    switch (token.type) {
      case "text":
        this.#guarded(token.content);
        break;
      case "code_inline":
        this.#children.push(element("code", {}, [{ text: visible(token.content) }]));
        break;
      case "math":
        this.#text(visible(token.content));
        break;
      case "softbreak":
        this.#text("\n");
        break;
      case "hardbreak":
        this.#children.push(element("br"));
        this.#text("\n");
        break;
      case "link_open":
        this.#link(attribute(token, "href"));
        break;
      case "link_close":
        this.#close();
        break;
      case "image":
        this.#image(token);
        break;
      default:
        this.#tag(token);
    }
  }

  #anchor(url: string): VElement | null {
    this.spent += costOf(url);
    if (!isLink(url) || this.spent > this.#budget) return null;
    return element("a", { href: url, rel: "noopener noreferrer nofollow", target: "_blank" });
  }

  #link(url: string): void {
    const anchor = this.#anchor(url);
    if (!anchor) {
      this.#open(this.#children);
      return;
    }
    this.#children.push(anchor);
    this.#links += 1;
    this.#open(anchor.children, () => {
      this.#links -= 1;
      const destination = destinationOf(url);
      if (destination && !showsDestination(textOf(anchor.children), destination)) {
        this.#text(" ");
        this.#children.push(element("small", {}, [{ text: `(${destination})` }]));
      }
      this.#children.push(...this.#buttons.splice(0));
    });
  }

  #image(token: Token): void {
    const url = attribute(token, "src");
    const host = destinationOf(url) || "no host";
    const anchor = this.#links > 0 ? null : this.#anchor(url);
    if (anchor) {
      this.#children.push(anchor);
      this.#open(anchor.children);
    }
    const alt = visible(plain(token.children ?? [])).trim();
    this.#guarded(alt === "" ? "Image (" : `Image "${alt}" (`);
    this.#children.push(element("span", { class: "streamwidget-unloaded" }, [{ text: "not loaded, " }]));
    this.#guarded(`${host})`);
    if (anchor) this.#close();
    if (!/^https?:/i.test(url)) return;
    const button = element("button", { type: "button", class: "streamwidget-load" }, [
      { text: `Load image from ${host}` },
    ]);
    button.image = { url, alt };
    // A button may not stand in a link.
    if (this.#links > 0) this.#buttons.push(button);
    else this.#children.push(button);
  }
}

export function codeBlock(info: string, text: string): VElement {
  const language = (info.trim().split(/\s+/, 1)[0] as string).toLowerCase();
  const attributes: Record<string, string> = LANGUAGE.test(language) ? { class: `language-${language}` } : {};
  const [first, ...rest] = parts(text);
  const further = rest.map((part) => element("span", {}, [{ text: part }]));
  return element("pre", {}, [element("code", attributes, first === "" ? [] : [{ text: first }, ...further])]);
}

function attribute(token: Token, name: string): string {
  return String(token.attrs?.find(([key]) => key === name)?.[1] ?? "");
}

function plain(tokens: Token[]): string {
  return tokens.map((token) => (token.children ? plain(token.children) : token.content)).join("");
}

function textOf(nodes: VNode[]): string {
  return nodes.map((node) => ("text" in node ? node.text : textOf(node.children))).join("");
}
