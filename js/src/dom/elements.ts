// Small functions on elements that all views use.

export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = "",
  text = "",
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

export function makeButton(className: string, text: string, click: () => void): HTMLButtonElement {
  const button = make("button", `streamwidget-button ${className}`, text);
  button.type = "button";
  button.addEventListener("click", click);
  return button;
}

// To assign the same text again would still dirty the layout and wake assistive technology.
export function setText(node: Node, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

/** Sets or removes a `data-` attribute. */
export function setData(node: HTMLElement, name: string, value: string | null): void {
  if (value === null) delete node.dataset[name];
  else if (node.dataset[name] !== value) node.dataset[name] = value;
}

export function setHidden(node: HTMLElement, hidden: boolean): void {
  if (node.hidden !== hidden) node.hidden = hidden;
}

/**
 * Hides an element that may have the focus. The browser would move the focus to the top of the page. For people who
 * work by keyboard it goes to `next`, or to the cell.
 */
export function hideFocused(node: HTMLElement, next: HTMLElement | null): void {
  if (node.hidden) return;
  const focused = node.contains(document.activeElement) || node.matches(":focus-within");
  node.hidden = true;
  if (!focused) return;
  const target = next && !next.hidden ? next : node.closest<HTMLElement>("[tabindex]");
  target?.focus({ preventScroll: true });
}
