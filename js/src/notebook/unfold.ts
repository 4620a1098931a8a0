// Notebook 7 puts an output of more than a hundred lines into a small box whenever an output of its cell is replaced:
// for a long answer that is at its end, under the eyes of its reader. What was open when the live view went stays open
// for now. Nothing is stored: the host does as it likes when the notebook is opened again.

const FOLDED = "jp-mod-outputsScrolled";
const SWAP_MS = 500;

/** Call it when the view in `cell` goes. */
export function keepUnfolded(cell: Element | null): void {
  if (!cell?.isConnected || cell.classList.contains(FOLDED)) return;
  const observer = new MutationObserver(() => {
    // To remove a class that is not there is a mutation too.
    if (cell.classList.contains(FOLDED)) cell.classList.remove(FOLDED);
  });
  observer.observe(cell, { attributes: true, attributeFilter: ["class"] });
  setTimeout(() => observer.disconnect(), SWAP_MS);
}
