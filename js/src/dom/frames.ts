// When views paint. All views that want to paint do so in one animation frame. Then none paints until three times the
// cost of that frame has passed: after a frame of 10 ms they wait 30 ms. So all answers of a page together take at most
// about a quarter of its main thread, however many stream at once and however slow the machine is.
//
// A frame begins no further paint after 10 ms. The views that are left come first in the next frame. So the page answers
// a click between two frames, also beside 400 views.

const IDLE_SHARE = 3;
const FRAME_MS = 10;
const LONGEST_PAUSE_MS = 2000; // because others may have blocked the page for long

const wanted = new Set<() => void>();
let frame = 0;
let timer: ReturnType<typeof setTimeout> | undefined;
let begun: number | null = null; // when the frame began whose cost is not known yet
let freeAt = 0;

// A message posted from a frame arrives when that frame's style, layout and paint are done: they are most of the cost.
const rendered = new MessageChannel();
rendered.port1.onmessage = () => {
  const now = performance.now();
  freeAt = now + Math.min(IDLE_SHARE * (now - (begun ?? now)), LONGEST_PAUSE_MS);
  begun = null;
  arm();
};

function run(): void {
  frame = 0;
  begun = performance.now();
  for (const paint of [...wanted]) {
    if (performance.now() - begun > FRAME_MS) break;
    if (!wanted.delete(paint)) continue; // another paint has cancelled it
    try {
      paint();
    } catch (error) {
      reportError(error); // a fault in one view must not stop the others
    }
  }
  rendered.port2.postMessage(null);
}

function arm(): void {
  if (frame !== 0 || timer !== undefined || begun !== null || wanted.size === 0 || document.hidden) return;
  const wait = freeAt - performance.now();
  if (wait <= 0) {
    frame = requestAnimationFrame(run);
    return;
  }
  timer = setTimeout(() => {
    timer = undefined;
    arm();
  }, wait);
}

/** Calls `paint` once, in a coming frame. Not while the page is hidden: ask again when it is shown. */
export function requestPaint(paint: () => void): void {
  wanted.add(paint);
  arm();
}

export function cancelPaint(paint: () => void): void {
  wanted.delete(paint);
  if (wanted.size > 0) return;
  cancelAnimationFrame(frame);
  frame = 0;
  clearTimeout(timer);
  timer = undefined;
}
