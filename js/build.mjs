// Builds the page half into streamwidget/static/. With `--check-size` it fails when a file is larger than its budget.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { aliases } from "./aliases.mjs";
import { billOfMaterials, notice, packagesOf } from "./bundled.mjs";

const { name, version } = JSON.parse(readFileSync(new URL("package.json", import.meta.url)));
const OUT = new URL("../streamwidget/static/", import.meta.url);
// Bytes. The loader travels, and is saved, with each answer. The others travel once.
const BUDGETS = [
  ["loader.js", 2 * 1024, (code) => code.length],
  ["answer.js", 40 * 1024, (code) => gzipSync(code).length],
  ["answer.css", 4 * 1024, (code) => gzipSync(code).length],
  ["tools.js", 10 * 1024, (code) => gzipSync(code).length],
  ["tools.css", 1024, (code) => gzipSync(code).length],
  ["chat.js", 56 * 1024, (code) => gzipSync(code).length],
  ["chat.css", 6 * 1024, (code) => gzipSync(code).length],
  ["wire.js", 13.25 * 1024, (code) => gzipSync(code).length],
  ["wire.css", 2 * 1024, (code) => gzipSync(code).length],
  ["grid.js", 11 * 1024, (code) => gzipSync(code).length],
  ["grid.css", 2 * 1024, (code) => gzipSync(code).length],
  ["values.js", 4 * 1024, (code) => gzipSync(code).length],
  ["values.css", 1024, (code) => gzipSync(code).length],
  ["doctor.js", 2 * 1024, (code) => gzipSync(code).length],
];

const options = {
  absWorkingDir: new URL(".", import.meta.url).pathname,
  outdir: OUT.pathname,
  bundle: true,
  alias: aliases,
  minify: true,
  format: "esm",
  target: "es2022",
  sourcemap: false,
  metafile: true,
  logLevel: "warning",
};
const built = await build({
  ...options,
  entryPoints: [
    { in: "src/answer/widget.ts", out: "answer" },
    { in: "src/answer/answer.css", out: "answer" },
    { in: "src/code/bundle.ts", out: "tools" },
    { in: "src/code/code.css", out: "tools" },
    { in: "src/chat/widget.ts", out: "chat" },
    { in: "src/chat/chat.css", out: "chat" },
    { in: "src/wire/widget.ts", out: "wire" },
    { in: "src/wire/wire.css", out: "wire" },
    { in: "src/grid/widget.ts", out: "grid" },
    { in: "src/grid/grid.css", out: "grid" },
    { in: "src/values/bundle.ts", out: "values" },
    { in: "src/values/values.css", out: "values" },
    { in: "src/doctor/page.ts", out: "doctor" }, // the code of a widget, without the loader
  ],
});

// The loader takes only the bundles that were built with it. Their hashes are a part of its name in the page, so that
// the loader of another build does not stand in for it.
const hashes = ["answer", "tools", "chat", "wire", "grid", "values"].map((bundle) => {
  const [code, css] = ["js", "css"].map((kind) => readFileSync(new URL(`${bundle}.${kind}`, OUT), "utf8"));
  return createHash("sha256").update(`${code}\0${css}`).digest("base64");
});
const fingerprint = hashes.map((hash) => hash.slice(0, 6)).join("");
await build({
  ...options,
  entryPoints: [{ in: "src/loader.ts", out: "loader" }],
  define: { HASHES: JSON.stringify(hashes), VERSION: JSON.stringify(`${name} ${version} ${fingerprint}`) },
});

// The licences of the packages whose code is in the bundles ask that their notices go with it.
const packages = packagesOf(built.metafile.inputs);
writeFileSync(new URL("THIRD_PARTY_LICENSES.txt", OUT), packages.map(notice).join("\n"));
writeFileSync(new URL("page.cdx.json", OUT), `${JSON.stringify(billOfMaterials(packages), null, 2)}\n`);

if (process.argv.includes("--check-size")) {
  for (const [name, budget, measure] of BUDGETS) {
    const size = measure(readFileSync(new URL(name, OUT)));
    console.log(`${name}: ${size} bytes, budget ${budget}`);
    if (size > budget) process.exitCode = 1;
  }
}
