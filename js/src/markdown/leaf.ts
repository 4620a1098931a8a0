// The block rule of paragraphs and of underlined headings, with the formulas in them. markdown-it has two rules, and
// each reads all lines of a paragraph. This is one, which reads them once. It does not look for blocks inside of a
// formula: `so $$\n- b\n$$` is one paragraph. streamwidget/_saved/leaf.py has the same rule.

import type StateBlock from "markdown-it/lib/rules_block/state_block.mjs";
import { type BlockEnv, beginsFormula, lastLine } from "./math";

type BlockState = StateBlock & { parentType: string; push(type: string, tag: string, nesting: number): Pushed };
type Pushed = { markup: string; content: string; map: [number, number] | null; children: unknown[] | null };
type Rule = (state: StateBlock, line: number, endLine: number, silent: boolean) => boolean;

/** Always succeeds. */
export function leaf(state: StateBlock, startLine: number, endLine: number): boolean {
  return take(state as BlockState, startLine, endLine, true);
}

/** Begins a paragraph with a display formula, and ends other blocks: `- a\n$$\n- b\n$$` is a list and a paragraph. */
export function formulaBlock(state: StateBlock, startLine: number, endLine: number, silent: boolean): boolean {
  if (!beginsFormula(state, startLine, endLine)) return false;
  return silent || take(state as BlockState, startLine, endLine, false);
}

function take(state: BlockState, startLine: number, endLine: number, mayBeHeading: boolean): boolean {
  const { md, env } = state as unknown as {
    md: { block: { ruler: { getRules(name: string): Rule[] } } };
    env: BlockEnv;
  };
  const terminators = md.block.ruler.getRules("paragraph");
  const parent = state.parentType;
  state.parentType = "paragraph";
  env.open = "";
  let underline = "";
  let line = lastLine(state, startLine, endLine) + 1;
  for (; line < endLine && !state.isEmpty(line); line = lastLine(state, line, endLine) + 1) {
    const indent = (state.sCount[line] as number) - state.blkIndent;
    if (indent > 3) continue;
    if (mayBeHeading && indent >= 0) underline = underlineAt(state, line);
    if (underline) break;
    // A negative number marks a line that belongs to a quote, without its mark.
    if ((state.sCount[line] as number) >= 0 && terminators.some((rule) => rule(state, line, endLine, true))) break;
  }
  const content = state.getLines(startLine, line, state.blkIndent, false).trim();
  const [name, tag] = underline ? ["heading", underline === "=" ? "h1" : "h2"] : ["paragraph", "p"];
  state.line = underline ? line + 1 : line;
  const opened = state.push(`${name}_open`, tag as string, 1);
  opened.map = [startLine, state.line];
  opened.markup = env.open;
  Object.assign(state.push("inline", "", 0), { map: [startLine, line], content, children: [] });
  state.push(`${name}_close`, tag as string, -1);
  state.parentType = parent;
  env.open = "";
  return true;
}

// The mark of the line under a heading: `===` or `---`.
function underlineAt(state: StateBlock, line: number): string {
  const start = (state.bMarks[line] as number) + (state.tShift[line] as number);
  const mark = state.src[start] as string;
  if (mark !== "=" && mark !== "-") return "";
  return /^(?:=+|-+)[ \t]*$/.test(state.src.slice(start, state.eMarks[line])) ? mark : "";
}
