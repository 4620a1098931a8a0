// axe-core finds nothing in any state of a view, in a host with light colours, with dark colours and without its own.

import axe from "axe-core";
import { afterEach, expect, test } from "vitest";
import "../../src/answer/answer.css";
import { frames, Host, KernelSide } from "../kernel_side";

// From JupyterLab's themes.
const THEMES = {
  light: `--jp-content-font-color1: rgba(0, 0, 0, 0.87); --jp-content-link-color: #0d47a1; --jp-content-font-color2: rgba(0, 0, 0, 0.54);
    --jp-border-color1: #bdbdbd; --jp-brand-color1: #1976d2; --jp-error-color1: #d32f2f; --jp-layout-color1: white;
    background: white;`,
  dark: `--jp-content-font-color1: white; --jp-content-link-color: #64b5f6; --jp-content-font-color2: rgba(255, 255, 255, 0.7);
    --jp-border-color1: #616161; --jp-brand-color1: #2196f3; --jp-error-color1: #f44336; --jp-layout-color1: #212121;
    background: #111; color: white;`,
  "none, light": "background: white; color: black;",
  "none, dark": "background: #1e1e1e; color: #d4d4d4;",
};

const TEXT = "# A title\n\nText with `code`, a [link](https://a.example) and\n\n```python\nx = 1\n```\n\n- [x] done\n";

const STATES: Record<string, (kernel: KernelSide) => unknown[]> = {
  waiting: () => [],
  streaming: (kernel) => [kernel.reasoning("Hm. "), kernel.delta(TEXT), kernel.tool(0, "f", '{"a": 1}')],
  retrying: (kernel) => [kernel.status("retrying", "429", { delay: 5 })],
  refused: (kernel) => [kernel.refusal("I cannot."), kernel.end()],
  failed: (kernel) => [kernel.end("http_error", "401 Unauthorized")],
  cut: (kernel) => [kernel.delta(TEXT), kernel.end("length")],
  stopped: (kernel) => [kernel.delta(TEXT), kernel.end("cancelled")],
  complete: (kernel) => [kernel.delta(TEXT), kernel.end()],
};

let host: Host | undefined;
afterEach(() => {
  host?.life.abort();
  document.body.replaceChildren();
  document.body.style.cssText = "";
});

for (const [theme, style] of Object.entries(THEMES))
  for (const [name, messages] of Object.entries(STATES))
    test(`axe-core finds nothing: ${name}, colours ${theme}`, async () => {
      document.body.style.cssText = style;
      const kernel = new KernelSide({ kept: true, demo: true });
      host = new Host(kernel.state, name === "streaming" ? 60 : null);
      host.initialize();
      const { root } = host.render();
      for (const details of root.querySelectorAll("details")) details.open = true;
      host.deliver(...messages(kernel));
      await frames(4);
      // The page around the view is not ours.
      const { violations } = await axe.run(root, { rules: { region: { enabled: false } } });
      const found = violations.map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes.map((n) => n.html).join()}`);
      expect(found).toEqual([]);
    });

test("every control has a name and is reached by Tab", async () => {
  const kernel = new KernelSide({ kept: true });
  host = new Host(kernel.state);
  host.initialize();
  const { root } = host.render();
  host.deliver(kernel.reasoning("Hm."), kernel.delta(TEXT), kernel.tool(0, "f", ""), kernel.end("length"));
  await frames(4);
  for (const control of root.querySelectorAll<HTMLElement>("button, summary")) {
    expect(control.ariaLabel || control.textContent, control.outerHTML).toBeTruthy();
    expect(control.tabIndex, control.outerHTML).toBe(0);
  }
});

test("nothing moves where the person wants no motion", () => {
  const moving = [...document.styleSheets]
    .flatMap((sheet) => [...sheet.cssRules])
    .filter((rule): rule is CSSStyleRule => rule instanceof CSSStyleRule)
    .filter(({ style }) => style.animationName || style.transitionProperty);
  expect(moving.map((rule) => rule.selectorText)).toEqual([]);
});
