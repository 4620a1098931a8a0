// The keys of a view of rows: Escape stops what runs, and the notebook does not get the others.

/** What Escape stops, while it runs. */
interface Running {
  readonly over: boolean;
  readonly gone: boolean;
}

export function takeKeys(root: HTMLElement, running: Running, stop: () => void): void {
  root.addEventListener("keydown", (event) => {
    // Hosts without Lumino listen further out. They get keys with Control and the like (save, palette).
    if (!event.altKey && !event.ctrlKey && !event.metaKey) event.stopPropagation();
    if (event.key !== "Escape" || running.over || running.gone) return;
    event.preventDefault();
    stop();
  });
}
