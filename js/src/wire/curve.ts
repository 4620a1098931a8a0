// A curve of the answer's characters over the seconds since the request. It costs the same for any number of rows,
// because it is drawn from 240 moments.

import { make, setText } from "../dom/elements";
import { firstBehind } from "../text/search";
import type { Row, Wire } from "./wire";

const SVG = "http://www.w3.org/2000/svg";
const POINTS = 240;
const HEIGHT = 100;
const MOST_MARKS = 20;

function draw(name: string, className: string): SVGElement {
  const made = document.createElementNS(SVG, name);
  made.setAttribute("class", className);
  made.setAttribute("vector-effect", "non-scaling-stroke");
  return made;
}

export class Curve {
  readonly root = make("div", "streamwidget-wire-curve");
  #wire: Wire;
  #svg = document.createElementNS(SVG, "svg");
  #line = draw("path", "streamwidget-wire-line");
  #marks = draw("path", "streamwidget-wire-marks");
  #now = draw("path", "streamwidget-wire-now");
  #most = make("span", "streamwidget-wire-most");
  #span = make("span", "streamwidget-wire-span");
  #seen = 0;
  #failedAt: number[] = [];

  constructor(wire: Wire) {
    this.#wire = wire;
    this.#svg.setAttribute("viewBox", `0 0 ${POINTS} ${HEIGHT}`);
    this.#svg.setAttribute("preserveAspectRatio", "none");
    this.#svg.setAttribute("role", "img");
    this.#svg.append(this.#marks, this.#line, this.#now);
    this.root.append(this.#most, this.#svg, this.#span);
  }

  paint(shown: number, lit: number): void {
    const { rows } = this.#wire;
    const span = rows.at(-1)?.at || 1;
    const most = rows.at(-1)?.characters || 1;
    const until = rows[shown - 1]?.at ?? 0;
    const y = (count: number) => (HEIGHT - 1 - (count / most) * (HEIGHT - 4)).toFixed(1);
    const steps = Math.ceil((until / span) * POINTS);
    let path = `M0 ${y(0)}`;
    for (let x = 1; x <= steps; x += 1) {
      const at = Math.min(until, (x / POINTS) * span);
      path += `H${((at / span) * POINTS).toFixed(1)}V${y(this.#charactersAt(at, shown))}`;
    }
    this.#line.setAttribute("d", path);
    this.#marks.setAttribute(
      "d",
      this.#failures()
        .map((at) => vertical((at / span) * POINTS))
        .join(""),
    );
    const at = rows[lit >= 0 ? lit : shown - 1]?.at ?? 0;
    this.#now.setAttribute("d", vertical((at / span) * POINTS));
    setText(this.#most, `${rows.at(-1)?.characters ?? 0} characters`);
    setText(this.#span, `${span.toFixed(2)} s`);
    const words = `Characters over time: ${rows[shown - 1]?.characters ?? 0} after ${until.toFixed(2)} seconds`;
    this.#svg.setAttribute("aria-label", words);
  }

  // The times at which attempts failed. Each row is read once.
  #failures(): number[] {
    const { rows } = this.#wire;
    for (; this.#seen < rows.length; this.#seen += 1) {
      const { kind, at } = rows[this.#seen] as Row;
      if (kind === "wait" && this.#failedAt.length < MOST_MARKS) this.#failedAt.push(at);
    }
    return this.#failedAt;
  }

  #charactersAt(at: number, shown: number): number {
    const { rows } = this.#wire;
    const count = firstBehind(shown, (index) => (rows[index] as Row).at > at);
    return rows[count - 1]?.characters ?? 0;
  }
}

function vertical(x: number): string {
  return `M${x.toFixed(1)} 0V${HEIGHT}`;
}
