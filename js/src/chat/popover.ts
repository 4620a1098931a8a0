// A button that opens a panel over the page, where no box of a notebook can cut it. The browser closes the panel on
// Escape and on a click elsewhere, and gives the focus back to the button.

import { make, makeButton } from "../dom/elements";

const GAP = 4; // CSS pixels

export class Popover {
  readonly button: HTMLButtonElement;
  readonly panel = make("div", "streamwidget-popover");

  /** @param opened is called when the panel is shown */
  constructor(label: string, opened: () => void) {
    const { panel } = this;
    panel.popover = "auto";
    panel.role = "dialog";
    panel.ariaLabel = label;
    panel.dataset.lmSuppressShortcuts = "true";
    this.button = makeButton("", label, () => {});
    this.button.popoverTargetElement = panel;
    this.button.setAttribute("aria-haspopup", "dialog");
    panel.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation(); // so that it does not stop an answer
      this.close();
    });
    const follow = () => this.#place();
    panel.addEventListener("toggle", () => {
      this.button.ariaExpanded = String(this.isOpen);
      // It would not move with the page.
      if (this.isOpen) window.addEventListener("scroll", follow, { capture: true, passive: true });
      else window.removeEventListener("scroll", follow, { capture: true });
      if (!this.isOpen) return;
      this.#place();
      opened();
    });
    // What is in it may come later.
    new ResizeObserver(() => {
      if (this.isOpen) this.#place();
    }).observe(panel);
  }

  get isOpen(): boolean {
    return this.panel.matches(":popover-open");
  }

  open(): void {
    if (!this.isOpen) this.panel.showPopover();
  }

  close(): void {
    if (!this.isOpen) return;
    this.panel.hidePopover();
    this.button.focus({ preventScroll: true });
  }

  /** Above the button where there is room, and else below it. Always inside the window. */
  #place(): void {
    const { panel } = this;
    const at = this.button.getBoundingClientRect();
    const { width, height } = panel.getBoundingClientRect();
    const top = at.top - GAP - height >= 0 ? at.top - GAP - height : at.bottom + GAP;
    const left = getComputedStyle(this.button).direction === "rtl" ? at.right - width : at.left;
    panel.style.top = `${Math.max(0, Math.min(top, innerHeight - height))}px`;
    panel.style.left = `${Math.max(0, Math.min(left, document.documentElement.clientWidth - width))}px`;
  }
}
