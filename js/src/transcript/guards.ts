// Guards for messages from the kernel. No value is trusted until it passed one. A guard returns a value of the right
// form, or null, or an empty value. It never throws.

export type Phase = "waiting" | "streaming" | "retrying" | "over";

const LINE_LIMIT = 2400; // UTF-16 units: no view shows as many of one line

export type Fields = Readonly<Record<string, unknown>>;

export function fields(value: unknown): Fields | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : null;
}

/** A whole number from 0 on: a sequence number, an index, a count. */
export function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** A count, or 0 if it cannot be read. */
export function count(value: unknown): number {
  return isCount(value) ? value : 0;
}

export function positive(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : null;
}

export function string(value: unknown): string {
  return typeof value === "string" ? value : "";
}

export function line(value: unknown): string {
  return string(value).slice(0, LINE_LIMIT);
}

export function label(value: unknown): string | null {
  const text = line(value);
  return text.trim() === "" ? null : text;
}

export function phaseOf(value: unknown): Phase | null {
  return value === "waiting" || value === "streaming" || value === "retrying" || value === "over" ? value : null;
}

/** How a stream ended. An outcome that cannot be read is "error". Without an end the view would run for ever. */
export function parseOutcome(value: unknown): string {
  return typeof value === "string" && /^[a-z_]{1,40}$/.test(value) ? value : "error";
}
