// Reads JSON while it comes. Each character is looked at once. What is not JSON ends it: nothing here repairs anything.

export interface JsonValue {
  readonly kind: "object" | "array" | "text" | "other";
  /** The names of an object's fields. The last one may not have its value yet. */
  readonly names: string[];
  /** The fields of an object, the elements of a list. */
  readonly items: JsonValue[];
  /** A text, or a number, `true`, `false` or `null` as it was written. */
  text: string;
  /** No more of it will come. */
  done: boolean;
}

type State = "before" | "value" | "name" | "colon" | "next" | "string" | "other" | "end";

const DEEPEST = 200;
const ESCAPES: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

export class JsonReader {
  /** Null until an object or a list begins. Words before it are skipped. */
  root: JsonValue | null = null;

  #open: JsonValue[] = [];
  #state: State = "before";
  /** The name that is read, or null for a text. */
  #name: string | null = null;
  /** An escape in a string that is not complete: `\`, `\u00e`. */
  #escape = "";

  feed(piece: string): void {
    for (let at = 0; at < piece.length && this.#state !== "end"; ) {
      if (this.#state === "string") at = this.#string(piece, at);
      else {
        const sign = piece[at] as string;
        if (this.#state === "before" ? sign === "{" || sign === "[" : !/\s/.test(sign) || this.#state === "other") {
          this.#sign(sign);
        }
        at += 1;
      }
    }
  }

  /** Takes a part of a string, up to its end. Returns where it stopped. */
  #string(piece: string, start: number): number {
    if (this.#escape) return this.#escaped(piece, start);
    let end = start;
    while (end < piece.length && piece[end] !== '"' && piece[end] !== "\\") end += 1;
    this.#add(piece.slice(start, end));
    if (end === piece.length) return end;
    if (piece[end] === "\\") this.#escape = "\\";
    else if (this.#name !== null) {
      (this.#open.at(-1) as JsonValue).names.push(this.#name);
      this.#name = null;
      this.#state = "colon";
    } else this.#close();
    return end + 1;
  }

  #escaped(piece: string, at: number): number {
    this.#escape += piece[at];
    const isCode = this.#escape[1] === "u";
    if (!isCode || this.#escape.length === 6) {
      const code = Number.parseInt(this.#escape.slice(2), 16);
      const sign = this.#escape[1] as string;
      this.#add(isCode ? String.fromCharCode(Number.isNaN(code) ? 0xfffd : code) : (ESCAPES[sign] ?? sign));
      this.#escape = "";
    }
    return at + 1;
  }

  #add(text: string): void {
    if (this.#name !== null) this.#name += text;
    else (this.#open.at(-1) as JsonValue).text += text;
  }

  #sign(sign: string): void {
    const parent = this.#open.at(-1);
    switch (this.#state) {
      case "before":
      case "value":
        if (sign === "]" && parent?.kind === "array" && parent.items.length === 0) this.#close();
        else this.#begin(sign);
        break;
      case "name":
        if (sign === "}" && parent?.names.length === 0) this.#close();
        else if (sign === '"') {
          this.#name = "";
          this.#state = "string";
        } else this.#state = "end";
        break;
      case "colon":
        this.#state = sign === ":" ? "value" : "end";
        break;
      case "next":
        if (sign === ",") this.#state = parent?.kind === "object" ? "name" : "value";
        else if (sign === (parent?.kind === "object" ? "}" : "]")) this.#close();
        else this.#state = "end";
        break;
      case "other":
        if (/[\w+.-]/.test(sign)) (parent as JsonValue).text += sign;
        else {
          this.#close();
          if (!/\s/.test(sign)) this.#sign(sign);
        }
    }
  }

  #begin(sign: string): void {
    const kind = sign === "{" ? "object" : sign === "[" ? "array" : sign === '"' ? "text" : "other";
    if (this.#open.length === DEEPEST || (kind === "other" && !/[\w-]/.test(sign))) {
      this.#state = "end";
      return;
    }
    const value: JsonValue = { kind, names: [], items: [], text: kind === "other" ? sign : "", done: false };
    this.#open.at(-1)?.items.push(value);
    this.root ??= value;
    this.#open.push(value);
    this.#state = ({ object: "name", array: "value", text: "string", other: "other" } as const)[kind];
  }

  #close(): void {
    (this.#open.pop() as JsonValue).done = true;
    this.#state = this.#open.length === 0 ? "end" : "next";
  }
}
