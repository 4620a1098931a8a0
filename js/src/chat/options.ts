// A list of options for a text field. The focus stays in the field: the arrows move in the list, and Enter or Tab takes
// an option. Escape hides the list.

import { make, setHidden } from "../dom/elements";
import { visible } from "../text/visible";

export interface Option {
  readonly name: string;
  readonly about?: string;
}

let count = 0;

export class Options {
  readonly root = make("ul", "streamwidget-options");
  #field: HTMLElement;
  #take: (name: string) => void;
  #shown: readonly Option[] = [];
  #active = -1;

  constructor(field: HTMLElement, label: string, take: (name: string) => void) {
    this.#field = field;
    this.#take = take;
    count += 1;
    this.root.id = `streamwidget-options-${count}`;
    this.root.role = "listbox";
    this.root.ariaLabel = label;
    this.root.hidden = true;
    field.setAttribute("aria-autocomplete", "list");
    field.setAttribute("aria-controls", this.root.id);
    // The field would lose the focus, and with it the list.
    this.root.addEventListener("pointerdown", (event) => event.preventDefault());
  }

  get open(): boolean {
    return !this.root.hidden;
  }

  /** Shows these options, with one of them marked. No option hides the list. */
  show(options: readonly Option[], active = -1): void {
    this.#shown = options;
    this.root.replaceChildren(
      ...options.map(({ name, about }, index) => {
        const option = make("li", "streamwidget-option", visible(name));
        option.id = `${this.root.id}-${index}`;
        option.role = "option";
        if (about) option.append(" ", make("small", "streamwidget-quiet", visible(about)));
        option.addEventListener("click", () => this.#take(name));
        return option;
      }),
    );
    setHidden(this.root, options.length === 0);
    this.#mark(Math.min(active, options.length - 1));
    if (this.#field.role === "combobox") this.#field.ariaExpanded = String(this.open);
  }

  hide(): void {
    this.show([]);
  }

  /** Takes a key of the field, and returns true if it was for the list. */
  key(event: KeyboardEvent): boolean {
    if (!this.open) return false;
    const option = this.#shown[this.#active];
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const count = this.#shown.length;
      const from = this.#active < 0 && event.key === "ArrowUp" ? 0 : this.#active;
      this.#mark((from + (event.key === "ArrowDown" ? 1 : -1) + count) % count);
    } else if (event.key === "Escape") this.hide();
    else if ((event.key === "Enter" || event.key === "Tab") && option && !event.shiftKey) this.#take(option.name);
    else return false;
    event.preventDefault();
    event.stopPropagation(); // Escape shall not stop an answer too
    return true;
  }

  #mark(active: number): void {
    this.#active = active;
    for (const [index, option] of [...this.root.children].entries()) {
      option.ariaSelected = String(index === active);
      if (index === active) option.scrollIntoView({ block: "nearest" });
    }
    const marked = this.root.children[active];
    if (marked) this.#field.setAttribute("aria-activedescendant", marked.id);
    else this.#field.removeAttribute("aria-activedescendant");
  }
}
