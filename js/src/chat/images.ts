// Images for a prompt: files that were pasted, dropped or chosen, and a thumbnail of each for the transcript.

const THUMBNAIL_PX = 160;
const TYPES = ["image/png", "image/jpeg", "image/gif", "image/webp"];
/** Bytes of all images of one prompt. Notebook servers take messages of up to 10 MB, and base64 adds a third. */
const MOST = 7_000_000;

export const ACCEPTED = TYPES.join(",");

export interface Picture {
  readonly name: string;
  readonly bytes: number;
  /** In base64. */
  readonly data: string;
  /** A data: URL. Null if the browser cannot draw the image. */
  readonly thumbnail: string | null;
}

/** The image files among pasted or dropped data. */
export function filesOf(transfer: DataTransfer | null): File[] {
  return [...(transfer?.files ?? [])].filter((file) => file.type.startsWith("image/"));
}

/** Reads `file`. Returns a sentence if the file cannot be added to a prompt with `already` bytes of images. */
export async function readPicture(file: File, already: number): Promise<Picture | string> {
  const name = file.name || "image";
  if (!TYPES.includes(file.type)) return `${name} was not added. Use PNG, JPEG, GIF or WebP.`;
  if (already + file.size > MOST) {
    const mb = (bytes: number) => (bytes / 1e6).toFixed(1);
    return `${name} was not added (${mb(file.size)} MB). A prompt takes at most ${mb(MOST)} MB of images.`;
  }
  try {
    return { name, bytes: file.size, data: await base64(file), thumbnail: await thumbnail(file) };
  } catch {
    return `${name} could not be read`;
  }
}

function base64(file: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).replace(/^[^,]*,/, ""));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
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
