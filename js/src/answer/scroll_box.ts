// A box of limited height whose content grows. It follows the end of the content while the person is at the end.

import { make, makeButton, setHidden } from "../dom/elements";

const NEAR = 8; // CSS pixels: nearer than this counts as at the end

export class ScrollBox {
  /** Stands right after the text. It has no height, so it moves nothing. */
  readonly root = make("div", "streamwidget-jump");
  #text: HTMLElement;
  #button: HTMLButtonElement;
  #follows = true;
  #top = 0; // the last scroll position, and the largest possible one
  #range = 0;

  constructor(text: HTMLElement, name: string) {
    this.#text = text;
    text.style.overflowY = "auto";
    // A keyboard must be able to scroll it.
    text.tabIndex = 0;
    text.role = "region";
    text.ariaLabel = name;
    this.#button = makeButton("", "Jump to latest", () => this.#jump());
    this.#button.hidden = true;
    this.root.append(this.#button);
    // The browser's own anchoring would scroll it, which would look as if the person had.
    text.style.overflowAnchor = "none";
    text.addEventListener("scroll", () => this.#look(), { passive: true });
  }

  /** Call it after the text has grown. */
  paint(): void {
    if (this.#follows) this.#judge();
    if (!this.#follows) return;
    this.#text.scrollTop = this.#text.scrollHeight;
    this.#note();
  }

  /** Goes to the end, and follows it from now on. */
  follow(): void {
    this.#follows = true;
    setHidden(this.#button, true);
    this.paint();
  }

  /** Scrolls by so many pixels, and stays there. */
  show(pixels: number): void {
    this.#follows = false;
    this.#text.scrollTop += pixels;
    this.#look();
  }

  #look(): void {
    this.#judge();
    this.#note();
    this.paint();
  }

  // When a person scrolls up, the box stops following. If the heights have changed, the layout did it. But a way of more
  // than the box is a person's: the browser's search goes to a turn, which is only then laid out.
  #judge(): void {
    const { scrollTop, clientHeight, scrollHeight } = this.#text;
    const up = this.#top - scrollTop;
    if (scrollTop + clientHeight >= scrollHeight - NEAR) this.#follows = true;
    else if (up > clientHeight || (up > 0 && scrollHeight - clientHeight === this.#range)) this.#follows = false;
    this.#text.style.overflowAnchor = this.#follows ? "none" : "";
    setHidden(this.#button, this.#follows);
  }

  #note(): void {
    const { scrollTop, clientHeight, scrollHeight } = this.#text;
    this.#top = scrollTop;
    this.#range = scrollHeight - clientHeight;
  }

  #jump(): void {
    this.#text.focus({ preventScroll: true }); // because the button disappears
    this.follow();
  }
}
