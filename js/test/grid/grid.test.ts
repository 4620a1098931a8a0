// The view of a batch: as many rows in the page as are in sight, however many there are, and all of it by keyboard.

import axe from "axe-core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { userEvent } from "vitest/browser";
import styles from "../../../streamwidget/_saved/grid.json";
import { requestPaint } from "../../src/dom/frames";
import { Grid } from "../../src/grid/grid";
import { gridMimebundle } from "../../src/grid/mimebundle";
import { mountGrid } from "../../src/grid/view";
import "../../src/grid/grid.css";

const TOTAL = 10_000;
const WINDOW = 40;

/** The kernel's side: rows that end one after another, of which a page gets those that it asked for. */
class Host {
  readonly life = new AbortController();
  readonly stopped: (number | "all")[] = [];
  taken = 0;
  asked: (number | null)[] = [];
  grid: Grid;
  root: HTMLElement;

  constructor(taken: number) {
    this.taken = taken;
    this.grid = new Grid(this.message(), (first) => {
      this.asked.push(first);
      queueMicrotask(() => this.grid.receive(this.message()));
      return true;
    });
    const el = document.createElement("div");
    el.style.width = "900px";
    document.body.append(el);
    mountGrid(
      el,
      this.grid,
      () => this.stopped.push("all"),
      (number) => this.stopped.push(number),
      this.life.signal,
    );
    this.root = el.firstElementChild as HTMLElement;
  }

  message(more: object = {}): object {
    const first = this.asked.at(-1) ?? Math.max(0, this.taken - WINDOW);
    const count = Math.min(WINDOW, this.taken - first);
    const rows = Array.from({ length: Math.max(0, count) }, (_, index) => this.row(first + index));
    return {
      grid: true,
      phase: "streaming",
      line: `${this.taken} of 10,000 rows complete`,
      total: TOTAL,
      taken: this.taken,
      done: this.taken - 1,
      failed: 0,
      rows,
      id: "x",
      ...more,
    };
  }

  row(row: number): object {
    if (row === this.taken - 1) return { row, id: `id ${row}`, state: "running", about: "b", text: "so far" };
    if (row === 3) return { row, id: "id 3", state: "http_error", about: "b", text: "", error: "No <b>", bad: true };
    return { row, id: `id ${row}`, state: "complete", about: "b", text: `answer ${row}`, first: 0.25, tokens: 12 };
  }

  list(): HTMLElement {
    return this.root.querySelector(".streamwidget-grid-list") as HTMLElement;
  }

  line(number: number): string | undefined {
    const cells = this.root.querySelectorAll(`[aria-rowindex="${number + 2}"] > *`);
    return cells.length === 0 ? undefined : [...cells].map((cell) => cell.textContent).join("|");
  }
}

// A list under the pointer is not scrolled, and another file's tests may have left the pointer anywhere.
beforeEach(async () => {
  const corner = document.createElement("div");
  corner.style.cssText = "position:fixed;right:0;bottom:0;width:8px;height:8px";
  document.body.append(corner);
  await userEvent.hover(corner);
});

let host: Host;
afterEach(() => {
  host.life.abort();
  document.body.replaceChildren();
});

/** Waits until `condition` holds. Each look comes after a paint. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise<void>((resolve) => requestPaint(resolve));
}

test("10,000 rows are a bounded number of elements, and the newest ones are in sight", async () => {
  host = new Host(1);
  const sizes: number[] = [];
  for (const taken of [100, 5000, TOTAL]) {
    host.taken = taken;
    host.grid.receive(host.message());
    await until(() => host.line(taken - 1)?.includes("so far") ?? false);
    sizes.push(host.root.querySelectorAll("*").length);
  }
  expect(Math.max(...sizes)).toBeLessThan(300);
  expect(host.grid.rows.length).toBeLessThanOrEqual(120);
  expect(host.root.querySelector("progress")?.value).toBe(TOTAL - 1);
});

test("a list that was scrolled stays, asks for its rows, and follows again at its end", async () => {
  host = new Host(5000);
  await until(() => host.line(4999) !== undefined);
  host.list().scrollTop = 0;
  await until(() => host.line(0)?.includes("answer 0") ?? false);
  expect(host.asked.at(-1)).toBe(0);
  expect(host.line(3)).toContain("error|b|No <b>");
  host.taken = 6000;
  host.grid.receive(host.message());
  await until(() => host.root.querySelector(".streamwidget-grid-line")?.textContent?.startsWith("6000") ?? false);
  expect(host.list().scrollTop).toBe(0);
  host.list().scrollTop = 1e9;
  await until(() => host.line(9999) !== undefined); // the rows that are still to come
  host.list().scrollTop = 6000 * 26 - host.list().clientHeight + 26;
  await until(() => host.asked.at(-1) === null && host.line(5999) !== undefined);
});

test("each row that runs has a Stop of its own, and Escape stops all", async () => {
  host = new Host(5);
  await until(() => host.line(4)?.includes("so far") ?? false);
  const buttons = [...host.root.querySelectorAll("button")].filter((one) => one.checkVisibility());
  expect(buttons.map((one) => one.ariaLabel ?? one.textContent)).toEqual(["Stop", "Stop row 4"]);
  buttons[1]?.click();
  host.list().dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  expect(host.stopped).toEqual([4, "all"]);
  const found = await axe.run(host.root);
  expect(found.violations.map(({ id }) => id)).toEqual([]);
});

test("the end is said, and what is saved in the page has the rows that it has, as text", async () => {
  host = new Host(5);
  host.grid.receive(host.message({ phase: "over", outcome: "complete", line: "5 of 5 rows complete" }));
  await until(() => host.root.dataset.outcome === "complete");
  expect(host.root.querySelector('[role="status"]')?.textContent).toBe("5 of 5 rows complete");
  expect([...host.root.querySelectorAll("button")].filter((one) => one.checkVisibility())).toEqual([]);
  const { "text/html": html, "text/plain": plain } = gridMimebundle(host.grid);
  expect(html).toContain(">No &lt;b&gt;</td>");
  expect(html).toContain(`<th style="${styles.cell};width:5em">Row</th>`);
  expect(plain).toContain("id 0  complete  b  answer 0");
});

test("what is not a message of ours changes nothing", () => {
  host = new Host(5);
  const before = host.grid.facts.line;
  for (const content of [null, 3, {}, { grid: true }, { grid: true, phase: "x" }, { op: "delta", text: "a" }])
    host.grid.receive(content);
  host.grid.receive({ ...host.message(), rows: [null, 3, { row: -1 }, { row: 1e99 }, { row: 2, state: "<b>" }] });
  expect(host.grid.row(2)?.state).toBe("waiting");
  expect(host.grid.facts.line).toBe(before);
});
