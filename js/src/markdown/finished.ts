// The finished blocks that a later link definition may change, by the labels that they look up. For example
// `[docs][1]` becomes a link when `[1]: https://docs.example` comes.

import { type Budget, buildBlocks } from "./blocks";
import { create, isIntact, patch } from "./patch";
import type { References } from "./references";
import { isText, type VElement, type VNode } from "./tree";
import { costOf } from "./writer";

type Finished = { source: string; nodes: VNode[]; budget: Budget };

export class FinishedBlocks {
  /** What their links cost. */
  addresses = 0;
  #references: References;
  #rebuilt: (element: HTMLElement) => void;
  #users = new Map<string, Set<Finished>>();
  #stale = new Set<Finished>();

  constructor(references: References, rebuilt: (element: HTMLElement) => void) {
    this.#references = references;
    this.#rebuilt = rebuilt;
  }

  /** `budget` is what the block might use. */
  add(source: string, nodes: VNode[], asked: Iterable<string>, budget: Budget): void {
    this.addresses += addressesIn(nodes);
    this.#record({ source, nodes, budget }, asked);
  }

  #record(finished: Finished, asked: Iterable<string>): void {
    for (const label of asked) {
      const users = this.#users.get(label);
      if (users) users.add(finished);
      else this.#users.set(label, new Set([finished]));
    }
  }

  /** Notes that these labels lead elsewhere now. */
  changed(labels: string[]): void {
    for (const label of labels) for (const finished of this.#users.get(label) ?? []) this.#stale.add(finished);
  }

  /** Brings the blocks up to date. Returns false if their links cost more than `addresses`. */
  refresh(addresses: number): boolean {
    const stale = [...this.#stale];
    this.#stale.clear();
    let fits = true;
    for (const finished of stale) {
      const { source, nodes: from } = finished;
      const budget = { ...finished.budget, addresses: addresses - this.addresses + addressesIn(from) };
      const { blocks, left } = this.#references.again(() => buildBlocks(source, this.#references, budget));
      fits &&= left.addresses >= 0;
      const block = blocks[0];
      const old = from[0] as VElement;
      if (!block || !old.dom?.parentNode) continue;
      this.addresses += addressesIn(block.nodes) - addressesIn(from);
      finished.nodes = block.nodes;
      this.#record(finished, block.asked);
      this.#replace(old.dom.parentNode, old.dom, from, block.nodes);
    }
    return fits;
  }

  #replace(parent: Node, old: HTMLElement, from: VNode[], to: VNode[]): void {
    const { className } = old;
    if (from.every(isIntact)) patch(parent, from, to, from.at(-1)?.dom?.nextSibling ?? null);
    else {
      // Something else changed the block, like MathJax.
      const [made, lineBreak] = to as [VElement, VNode];
      old.replaceWith(create(made));
      Object.assign(lineBreak, { dom: from[1]?.dom });
    }
    const made = (to[0] as VElement).dom as HTMLElement;
    if (made === old) return;
    made.className = className;
    this.#rebuilt(made);
  }
}

function addressesIn(nodes: VNode[]): number {
  let sum = 0;
  for (const node of nodes) {
    if (isText(node)) continue;
    const { href } = node.attributes;
    sum += (href === undefined ? 0 : costOf(href)) + addressesIn(node.children);
  }
  return sum;
}
