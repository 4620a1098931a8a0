// A file as the chat shows it: its name and what it is, or the picture of an image. Names come from anywhere, so they
// are text on one line. An SVG is a text too: no file but a PNG, JPEG, GIF or WebP is ever drawn.

import { make } from "../dom/elements";
import { oneLine } from "../text/one_line";
import type { FileState } from "./messages";

export function chip({ kind, name, label, src }: FileState): HTMLElement {
  const root = make("span", "streamwidget-chip");
  const shown = oneLine(name, 100);
  const about = [shown, oneLine(label, 120)].filter(Boolean).join(" · ");
  root.title = about;
  if (src !== null) {
    const image = make("img", "streamwidget-image");
    image.src = src;
    image.alt = `image: ${about}`;
    image.title = about;
    root.append(image);
    return root;
  }
  root.dataset.kind = kind;
  root.append(make("bdi", "streamwidget-chip-name", shown || kind), make("small", "", oneLine(label, 120)));
  return root;
}

/** The size of a file in words, as the kernel has it: "12 kB". */
export function sizeOf(bytes: number): string {
  if (bytes < 1000) return `${bytes} byte${bytes === 1 ? "" : "s"}`;
  return bytes < 999_500 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
