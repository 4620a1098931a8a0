// A growing JSON value as a table or a tree. What is complete is painted once. streamwidget/_saved/values.py makes the
// same elements of a whole value.
//
// A value's names and texts become text nodes and nothing else.

import { make } from "../dom/elements";
import { visible } from "../text/visible";
import type { JsonValue } from "./json_reader";

const ROWS = 1000;
const COLUMNS = 30;
const DEPTH = 20;
const LIST_STYLE = "margin:0;padding-inline-start:1.4em";

/** Shows one value in `parent`. */
export class ValueView {
  readonly #parent: HTMLElement;
  readonly #depth: number;
  #shown: Leaf | List | Table | null = null;
  #done = false;

  constructor(parent: HTMLElement, depth = DEPTH) {
    this.#parent = parent;
    this.#depth = depth;
  }

  /** Shows what has come. */
  paint(value: JsonValue): void {
    if (this.#done) return;
    const Kind = kindOf(value, this.#depth);
    if (!(this.#shown instanceof Kind)) {
      this.#parent.replaceChildren();
      this.#shown = new Kind(this.#parent, this.#depth);
    }
    this.#shown.paint(value);
    this.#done = value.done;
  }
}

function kindOf({ kind, items, done }: JsonValue, depth: number): typeof Leaf | typeof List | typeof Table {
  if ((kind !== "object" && kind !== "array") || depth === 0 || (done && items.length === 0)) return Leaf;
  return kind === "array" && isTable(items) ? Table : List;
}

// An object without a field yet may become a row.
function isTable(rows: readonly JsonValue[]): boolean {
  const isRow = ({ kind, names, done }: JsonValue) => kind === "object" && (names.length > 0 || !done);
  if (rows.length === 0 || !rows.every(isRow)) return false;
  return new Set(rows.flatMap(({ names }) => names)).size <= COLUMNS;
}

class Leaf {
  readonly #text = make("span");

  constructor(parent: HTMLElement) {
    parent.append(this.#text);
  }

  paint({ kind, text, done }: JsonValue): void {
    const shown = kind === "object" ? "{}" : kind === "array" ? "[]" : visible(text);
    if (this.#text.textContent !== shown) this.#text.textContent = shown;
    this.#text.style.whiteSpace = "pre-wrap";
    this.#text.classList.toggle("streamwidget-uncertain", !done);
  }
}

class List {
  readonly #parent: HTMLElement;
  readonly #depth: number;
  #list: HTMLElement | null = null;
  readonly #more = make("small");
  readonly #items: ValueView[] = [];

  constructor(parent: HTMLElement, depth: number) {
    this.#parent = parent;
    this.#depth = depth;
  }

  paint({ kind, names, items }: JsonValue): void {
    if (!this.#list) {
      this.#list = make(kind === "object" ? "ul" : "ol");
      this.#list.style.cssText = LIST_STYLE;
      this.#parent.append(this.#list, this.#more);
    }
    const shown = items.slice(0, ROWS);
    for (let index = Math.max(0, this.#items.length - 1); index < shown.length; index += 1) {
      this.#items[index] ??= this.#add(kind === "object" ? (names[index] as string) : null);
      this.#items[index]?.paint(shown[index] as JsonValue);
    }
    tellRest(this.#more, items.length);
  }

  #add(name: string | null): ValueView {
    const item = make("li");
    const place = make("span");
    if (name !== null) item.append(make("strong", "", visible(name)), ": ");
    item.append(place);
    this.#list?.append(item);
    return new ValueView(place, this.#depth - 1);
  }
}

class Table {
  readonly #depth: number;
  readonly #head = make("tr");
  readonly #body = make("tbody");
  readonly #more = make("small");
  readonly #columns: string[] = [];
  readonly #rows: Map<string, ValueView>[] = [];

  constructor(parent: HTMLElement, depth: number) {
    this.#depth = depth;
    const table = make("table");
    const head = make("thead");
    head.append(this.#head);
    table.append(head, this.#body);
    parent.append(table, this.#more);
  }

  paint({ items }: JsonValue): void {
    const shown = items.slice(0, ROWS);
    for (let index = Math.max(0, this.#rows.length - 1); index < shown.length; index += 1) {
      this.#rows[index] ??= this.#add();
      this.#row(index, shown[index] as JsonValue);
    }
    tellRest(this.#more, items.length);
  }

  #add(): Map<string, ValueView> {
    const row = make("tr");
    row.append(...this.#columns.map(() => make("td")));
    this.#body.append(row);
    return new Map();
  }

  #row(index: number, { names, items }: JsonValue): void {
    const cells = this.#rows[index] as Map<string, ValueView>;
    for (const [place, item] of items.entries()) {
      const name = names[place] as string;
      let column = this.#columns.indexOf(name);
      if (column < 0) {
        column = this.#columns.push(name) - 1;
        this.#head.append(aligned(make("th", "", visible(name)), item));
        for (const row of this.#body.rows) row.append(make("td"));
      }
      let cell = cells.get(name);
      if (!cell) {
        cell = new ValueView(aligned(this.#body.rows[index]?.cells[column] as HTMLElement, item), this.#depth - 1);
        cells.set(name, cell);
      }
      cell.paint(item);
    }
  }
}

// Texts begin at the left. Jupyter has all else at the right, as numbers want it.
function aligned(cell: HTMLElement, { kind }: JsonValue): HTMLElement {
  if (kind !== "other") cell.style.textAlign = "left";
  return cell;
}

function tellRest(element: HTMLElement, count: number): void {
  element.textContent = count > ROWS ? `and ${(count - ROWS).toLocaleString("en")} more, in the JSON below` : "";
}
