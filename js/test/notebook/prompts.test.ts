import { expect, test } from "vitest";
import { colourPrompts } from "../../src/notebook/prompts";

class Signal {
  slots: (() => void)[] = [];
  connect(slot: () => void) {
    this.slots.push(slot);
  }
  emit() {
    for (const slot of this.slots) slot();
  }
}

class Cell {
  type = "code";
  contentChanged = new Signal();
  mimeTypeChanged = new Signal();
  sharedModel = { getSource: () => this.source };
  #mime = "text/x-ipython";
  source: string;

  constructor(source: string) {
    this.source = source;
  }
  get mimeType() {
    return this.#mime;
  }
  set mimeType(mime: string) {
    this.#mime = mime;
    this.mimeTypeChanged.emit();
  }
  type_(source: string) {
    this.source = source;
    this.contentChanged.emit();
  }
}

test("prompts are coloured as text: at once, when they are typed, and when the host or a new cell comes late", () => {
  const list = [
    new Cell("%%chat\nDon't use if."),
    new Cell("x = 1"),
    new Cell("%%chatty"),
    new Cell("  %%chat -m x\nyes"),
  ];
  const cells = Object.assign(list, { changed: new Signal() });
  const model = { widget_manager: { context: { model: { cells } } } };
  colourPrompts(model);
  colourPrompts(model);
  const mimes = () => list.map(({ mimeType }) => (mimeType === "text/plain" ? "text" : mimeType));
  expect(mimes()).toEqual(["text", "text/x-ipython", "text/x-ipython", "text"]);
  list[1]?.type_("%%chat\nx");
  list[0]?.type_("print('x')");
  expect(mimes()).toEqual(["text/x-ipython", "text", "text/x-ipython", "text"]);
  for (const cell of list) cell.mimeType = "text/x-python"; // the kernel says its language
  expect(mimes()).toEqual(["text/x-python", "text", "text/x-python", "text"]);
  list.push(new Cell("%%chat\nnew"));
  cells.changed.emit();
  expect(mimes().at(-1)).toBe("text");
  list[1]?.type_("x = 1");
  expect(mimes()[1]).toBe("text/x-python");
});

test("a host without cells is left alone", () => {
  for (const model of [{}, { widget_manager: {} }, { widget_manager: { context: { model: { cells: 7 } } } }])
    expect(() => colourPrompts(model)).not.toThrow();
});
