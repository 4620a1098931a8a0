// Calls back when an element comes onto the screen, leaves it, or moves on it. Layout is done then, because that is in
// the callbacks of observers and in the frame after a scroll.

export const canObserve = typeof IntersectionObserver === "function" && typeof ResizeObserver === "function";

type Measure = (isVisible: boolean) => void;

const watched = new WeakMap<Element, Measure>();
const visible = new Set<Element>();
let moved = 0;
let screen: IntersectionObserver | undefined;
let sizes: ResizeObserver | undefined;

export function watch(element: Element, measure: Measure): void {
  screen ??= new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!watched.has(target)) continue;
      if (isIntersecting) enter(target);
      else leave(target);
      watched.get(target)?.(isIntersecting);
    }
  });
  watched.set(element, measure);
  screen.observe(element);
}

/** Ends a `watch`. Does nothing if another `watch` of the element replaced it. */
export function unwatch(element: Element, measure: Measure): void {
  if (watched.get(element) !== measure) return;
  watched.delete(element);
  screen?.unobserve(element);
  leave(element);
}

function enter(element: Element): void {
  if (visible.size === 0) document.addEventListener("scroll", onScroll, { capture: true, passive: true });
  visible.add(element);
  sizes ??= new ResizeObserver((entries) => {
    for (const { target } of entries) watched.get(target)?.(true);
  });
  sizes.observe(element);
}

function leave(element: Element): void {
  sizes?.unobserve(element);
  if (visible.delete(element) && visible.size === 0) {
    document.removeEventListener("scroll", onScroll, { capture: true });
  }
}

function onScroll(): void {
  if (moved !== 0) return;
  moved = requestAnimationFrame(() => {
    moved = 0;
    for (const element of visible) watched.get(element)?.(true);
  });
}
