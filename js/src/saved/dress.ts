// What a saved answer wears where our style sheet is not: the inline styles of streamwidget/_saved/dress.json, which the
// kernel reads too. The colours of code come from the tools, if they are in the page.

import dress from "../../../streamwidget/_saved/dress.json";
import { toolsInPage } from "../code/later";

const VARIABLES = Object.values(dress.colours)
  .map(([short, host, plain]) => `;${short}:var(${host},${plain})`)
  .join("");

/** Gives the blocks of a text, its frames, colours and directions, and the lines around it. */
export function dressed<T extends Element>(root: T): T {
  const each = (selector: string, style: string) => {
    for (const element of root.querySelectorAll(selector)) wear(element, style);
  };
  for (const block of root.querySelectorAll<HTMLElement>("[dir=rtl]")) {
    for (const part of [block, ...block.querySelectorAll<HTMLElement>("*")]) {
      if (part.matches("p")) wear(part, dress.right);
      else if (part.matches("blockquote")) wear(part, dress.right_quote);
      else if (part.matches("th, td") && part.style.textAlign === "left") part.setAttribute("style", dress.right);
    }
  }
  each("[class*=RenderedHTMLCommon] table", dress.table);
  each(".streamwidget-quiet", dress.quiet);
  each(".streamwidget-bad", dress.bad);
  for (const code of root.querySelectorAll<HTMLElement>("[class*=RenderedHTMLCommon] pre > code")) {
    const isColoured = colour(code);
    wear(code.parentElement as Element, dress.frame + (isColoured ? VARIABLES : ""));
    wear(code, dress.code);
  }
  return root;
}

// A style of its own comes later, so it wins.
function wear(element: Element, style: string): void {
  const own = element.getAttribute("style");
  element.setAttribute("style", own ? `${style};${own}` : style);
}

function colour(code: HTMLElement): boolean {
  const coloured = toolsInPage()?.colourForFile(code, (kind) => {
    const [short, , plain] = dress.colours[kind] as [string, string, string];
    const token = document.createElement("span");
    token.setAttribute("style", `color:${plain};color:var(${short})`);
    return token;
  });
  return coloured ?? false;
}
