// Notebook 7 puts an output of more than a hundred lines into a small box whenever an output of its cell is replaced.
// For a long answer that happens at its end, while somebody reads it. So a cell that was expanded when the live view
// went stays expanded for now. Nothing is stored: the host decides anew when the notebook is opened again.

const COLLAPSED = "jp-mod-outputsScrolled";
const SWAP_MS = 500;

/** Call it when the view in `cell` goes. */
export function keepExpanded(cell: Element | null): void {
  if (!cell?.isConnected || cell.classList.contains(COLLAPSED)) return;
  const observer = new MutationObserver(() => {
    // To remove a class that is not there is a mutation too.
    if (cell.classList.contains(COLLAPSED)) cell.classList.remove(COLLAPSED);
  });
  observer.observe(cell, { attributes: true, attributeFilter: ["class"] });
  setTimeout(() => observer.disconnect(), SWAP_MS);
}
