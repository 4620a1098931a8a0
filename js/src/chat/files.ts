// Files for a prompt: what was pasted, dropped or chosen, whether it can be sent, and a thumbnail of an image.

import { oneLine } from "../text/one_line";
import { sizeOf } from "./chip";

const THUMBNAIL_PX = 160;
/** Bytes of all files of one prompt. */
const MOST = 20_000_000;
const TAKEN = "text, CSV, PDF, audio (MP3, WAV, FLAC, OGG, M4A) or images (PNG, JPEG, GIF, WebP)";
const HEAD = 65_536; // bytes that decide what a file is
const MAX_SENT = 100_000; // characters of a text that are sent, as in _core/attachments.py

interface ReadFile {
  readonly kind: string;
  readonly name: string;
  readonly data: ArrayBuffer;
  /** How much of a text is sent. Empty: all of it. */
  readonly bound: string;
  /** A data: URL. Null if it is not an image, or the browser cannot draw it. */
  readonly thumbnail: string | null;
}

/** The files among pasted or dropped data. A folder among them is a file that cannot be read. */
export function filesOf(transfer: DataTransfer | null): File[] {
  return [...(transfer?.files ?? [])];
}

/**
 * Takes the files that are dropped anywhere in `root`. Nothing that is dropped there makes the browser leave the page:
 * neither a file of any kind nor a link. A dropped text still goes into the box under the pointer.
 */
export function acceptDrops(root: HTMLElement, take: (files: File[]) => void): void {
  const isFile = ({ dataTransfer }: DragEvent) => dataTransfer?.types.includes("Files") === true;
  const isText = (event: DragEvent) => !isFile(event) && (event.target as Element | null)?.matches?.("textarea, input");
  root.addEventListener("dragover", (event) => {
    if (isText(event)) return;
    event.preventDefault();
    if (isFile(event)) root.dataset.drop = "";
    else if (event.dataTransfer) event.dataTransfer.dropEffect = "none";
  });
  root.addEventListener("dragleave", (event) => {
    if (!root.contains(event.relatedTarget as Node | null)) delete root.dataset.drop;
  });
  root.addEventListener("drop", (event) => {
    delete root.dataset.drop;
    if (isText(event)) return;
    event.preventDefault();
    event.stopPropagation();
    const files = filesOf(event.dataTransfer);
    if (files.length > 0) take(files);
  });
}

/** Reads `file`. Returns a sentence if it cannot be added to a prompt with `already` bytes of files. */
export async function readFile(file: File, already: number): Promise<ReadFile | string> {
  const name = file.name || "file";
  const shown = oneLine(name, 60);
  if (already + file.size > MOST)
    return `${shown} was not added (${sizeOf(file.size)}). A prompt takes at most ${sizeOf(MOST)} of files.`;
  let data: ArrayBuffer;
  try {
    data = await file.arrayBuffer();
  } catch {
    return `${shown} could not be read. A folder cannot be added.`;
  }
  if (data.byteLength === 0) return `${shown} was not added, because it is empty.`;
  const kind = kindOf(new Uint8Array(data, 0, Math.min(HEAD, data.byteLength)), data.byteLength > HEAD);
  if (kind === null) return `${shown} was not added. Use ${TAKEN}.`;
  const bound = kind === "text" && decoded(data).length > MAX_SENT ? "first 100,000 characters sent" : "";
  return { kind, name, data, bound, thumbnail: kind === "image" ? await thumbnail(file) : null };
}

/** The beginnings of files. "?" is any byte. */
const KINDS: readonly (readonly [kind: string, begin: string])[] = [
  ["image", "\x89PNG\r\n\x1a\n"],
  ["image", "\xff\xd8\xff"],
  ["image", "GIF8?a"],
  ["image", "RIFF????WEBP"],
  ["pdf", "%PDF-"],
  ["audio", "ID3"],
  ["audio", "fLaC"],
  ["audio", "OggS"],
  ["audio", "RIFF????WAVE"],
  ["audio", "????ftypM4A"],
  ...["\xe2", "\xe3", "\xf2", "\xf3", "\xfa", "\xfb"].map((frame) => ["audio", `\xff${frame}`] as const),
];
const IN_TEXTS = "\t\n\v\f\r\x1b";

/** What begins with these bytes. Null: it cannot be sent. The kernel decides again (_core/file_kinds.py). */
function kindOf(head: Uint8Array<ArrayBuffer>, goesOn: boolean): string | null {
  const latin = String.fromCharCode(...head.subarray(0, 16));
  const found = KINDS.find(([, begin]) => [...begin].every((byte, at) => byte === "?" || byte === latin[at]));
  if (found) return found[0];
  try {
    const text = decoded(head, { fatal: true, stream: goesOn });
    return [...text].some((char) => char < " " && !IN_TEXTS.includes(char)) ? null : "text";
  } catch {
    return null;
  }
}

function decoded(data: ArrayBuffer | Uint8Array<ArrayBuffer>, { fatal = false, stream = false } = {}): string {
  const bytes = new Uint8Array(data);
  const mark =
    bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : "";
  return new TextDecoder(mark || "utf-8", { fatal }).decode(bytes, { stream });
}

async function thumbnail(file: Blob): Promise<string | null> {
  try {
    const image = await createImageBitmap(file);
    const scale = Math.min(1, THUMBNAIL_PX / Math.max(image.width, image.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(image.width * scale));
    canvas.height = Math.max(1, Math.round(image.height * scale));
    canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
    image.close();
    // WebP keeps transparent parts. A browser that cannot write WebP writes PNG.
    const url = canvas.toDataURL("image/webp", 0.8);
    return url.length < 40_000 ? url : null;
  } catch {
    return null;
  }
}
