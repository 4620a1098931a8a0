// The page takes its words for each outcome from the one table. The kernel reads it too.

import { expect, test } from "vitest";
import table from "../../../streamwidget/_core/outcomes.json";
import { answerMimebundle } from "../../src/saved/mimebundle";
import { ending, remedies } from "../../src/transcript/status";
import { Transcript } from "../../src/transcript/transcript";
import { frames, Host, KernelSide } from "../kernel_side";

function over(outcome: string, text: string, detail: string): Transcript {
  const state = { seq: 1, phase: "over", outcome, text, detail, kept: true };
  return new Transcript(new KernelSide(state).state, () => true);
}

for (const [outcome, row] of Object.entries(table)) {
  test(`the page has the words of the table: ${outcome}`, () => {
    for (const [text, template] of [
      ["42", row.with_text],
      ["", row.without_text],
    ] as const)
      for (const detail of ["the reason", ""]) {
        const why = detail || row.why;
        const sentence = why ? template.replace("{why}", why) : template.replace(" ({why})", "");
        const transcript = over(outcome, text, detail);
        expect(ending(transcript)).toBe(sentence);
        expect(remedies(transcript)).toEqual(row.remedies.filter((remedy) => text !== "" || remedy === "retry"));
        const { "text/html": html, "text/plain": plain } = answerMimebundle(transcript);
        expect(html).toContain(sentence);
        expect(html?.includes("streamwidget-bad")).toBe(row.bad);
        expect(plain).toContain(sentence);
      }
  });

  test(`the view marks as bad what the table calls bad: ${outcome}`, async () => {
    const kernel = new KernelSide();
    const host = new Host(kernel.state);
    host.initialize();
    const { root } = host.render();
    host.deliver(kernel.delta("42"), kernel.end(outcome, "the reason"));
    await frames();
    expect(root.querySelector(".streamwidget-state:not([hidden])")).toBeNull(); // said once: below the answer
    const marked = root.querySelector(".streamwidget-outcome:not([hidden])")?.classList.contains("streamwidget-bad");
    expect(marked).toBe(outcome === "complete" ? undefined : row.bad);
    host.life.abort();
    root.remove();
  });
}
