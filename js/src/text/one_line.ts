// A text of any length on one line: "a\n b" is "a b".

import { countCodePoints, firstCodePoints } from "./code_points";
import { visible } from "./visible";

// The characters that Python's str.split() takes for space.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const SPACE = /(?:(?!\ufeff)[\s\x1c-\x1f\x85])+/g;

/** `text` made visible and on one line. A line longer than `limit` characters is cut and ends with an ellipsis. */
export function oneLine(text: string, limit = 300): string {
  const begin = firstCodePoints(text, 4 * limit);
  const line = visible(begin.replace(SPACE, " ").replace(/^ | $/g, ""));
  return countCodePoints(line) <= limit ? line : `${firstCodePoints(line, limit - 1)}…`;
}
