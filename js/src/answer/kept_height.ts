// While an answer streams, the page below its view does not move up when a step is folded, or when the text becomes
// shorter, such as a table whose columns become wider. The text that follows fills the place.

export class KeptHeight {
  #root: HTMLElement;
  #width: number | null = null;
  #height = 0;
  #sizes = new ResizeObserver(([entry]) => {
    const now = (entry as ResizeObserverEntry).contentRect;
    this.#height = now.width === (this.#width ?? now.width) ? now.height : 0; // at another width the text has another height
    this.#width = now.width;
  });

  constructor(root: HTMLElement) {
    this.#root = root;
    this.#sizes.observe(root);
    // A fold that the person closes leaves no gap.
    root.addEventListener("toggle", () => this.#release(), { capture: true });
  }

  paint(runs: boolean): void {
    this.#root.style.minHeight = this.#height === 0 || !runs ? "" : `${this.#height}px`;
  }

  dispose(): void {
    this.#sizes.disconnect();
  }

  #release(): void {
    this.#height = 0;
    this.paint(false);
  }
}
