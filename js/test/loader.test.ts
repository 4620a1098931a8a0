// The built loader runs only the code that was built with it.
import { expect, test } from "vitest";
// @ts-expect-error: vite reads these files as text
import css from "../../streamwidget/static/answer.css?raw";
// @ts-expect-error: as above
import code from "../../streamwidget/static/answer.js?raw";
// @ts-expect-error: as above
import loader from "../../streamwidget/static/loader.js?raw";

const url = URL.createObjectURL(new Blob([loader], { type: "text/javascript" }));
const make = (await import(/* @vite-ignore */ url)).default;
const page = globalThis as Record<string, unknown>;

async function shown(bundle: { code: string; css: string }): Promise<string> {
  const el = document.createElement("div");
  document.body.append(el);
  const shared = { get: (name: "code" | "css") => bundle[name] };
  const model = {
    get: (name: string) => (name === "bundle" ? "IPY_MODEL_x" : { text: "the saved text" }),
    on: () => {},
    off: () => {},
    set: () => {},
    widget_manager: { get_model: async (id?: string) => (id ? shared : Promise.reject(new Error("no tools"))) },
  };
  const part = make();
  part.initialize({ model });
  part.render({ model, el });
  await expect.poll(() => el.textContent !== "" || page.ran === true).toBe(true);
  return el.textContent ?? "";
}

const RUNS = "globalThis.ran = true; export default () => ({ initialize() {}, render() {} });";

test.each([
  ["foreign code", { code: RUNS, css }],
  ["our code and a line", { code: `${code}\nglobalThis.ran = true;`, css }],
  ["a line and our code", { code: `globalThis.ran = true;\n${code}`, css }],
  ["our code with a space", { code: `${code} `, css }],
  ["foreign style", { code, css: "* { display: none }" }],
  ["a part of the style in the code", { code: `${code}\0${css.slice(0, 9)}`, css: css.slice(9) }],
  ["no code", { code: "", css: "" }],
])("%s does not run, and the text is shown", async (_, bundle) => {
  page.ran = undefined;
  expect(await shown(bundle)).toBe("the saved text");
  expect(page.ran).toBeUndefined();
});

test("the bundle that was built with the loader runs", async () => {
  expect(await shown({ code, css })).toContain("Stop");
});

test("a host without a signal, as anywidget 0.9, ends the view by what the loader returns", async () => {
  const el = document.createElement("div");
  document.body.append(el);
  const sent: { op: string }[] = [];
  const gone: string[] = [];
  const shared = { get: (name: "code" | "css") => ({ code, css })[name] };
  const model = {
    get: (name: string) => (name === "bundle" ? "IPY_MODEL_x" : { text: "" }),
    on: () => {},
    set: () => {},
    off: (name: string) => gone.push(name),
    send: (message: { op: string }) => sent.push(message),
    widget_manager: { get_model: async (id?: string) => (id ? shared : Promise.reject(new Error("no tools"))) },
  };
  const part = make();
  const end = part.initialize({ model });
  const leave = part.render({ model, el });
  await expect.poll(() => el.textContent).toContain("Stop");
  await leave();
  await expect.poll(() => sent.map(({ op }) => op)).toContain("left");
  expect(gone).not.toContain("msg:custom");
  await end();
  expect(gone).toContain("msg:custom");
});
