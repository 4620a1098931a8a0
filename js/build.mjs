// Builds the page half into streamwidget/static/. With `--check-size` it fails when a file is larger than its budget.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { aliases } from "./aliases.mjs";

const { name, version } = JSON.parse(readFileSync(new URL("package.json", import.meta.url)));
const OUT = new URL("../streamwidget/static/", import.meta.url);
// Bytes. The loader travels, and is saved, with each answer. The others travel once.
const BUDGETS = [
  ["loader.js", 2 * 1024, (code) => code.length],
  ["answer.js", 40 * 1024, (code) => gzipSync(code).length],
  ["answer.css", 4 * 1024, (code) => gzipSync(code).length],
  ["chat.js", 48 * 1024, (code) => gzipSync(code).length],
  ["chat.css", 6 * 1024, (code) => gzipSync(code).length],
  ["wire.js", 12 * 1024, (code) => gzipSync(code).length],
  ["wire.css", 2 * 1024, (code) => gzipSync(code).length],
];

await build({
  absWorkingDir: new URL(".", import.meta.url).pathname,
  entryPoints: [
    { in: "src/loader.ts", out: "loader" },
    { in: "src/answer/widget.ts", out: "answer" },
    { in: "src/answer/answer.css", out: "answer" },
    { in: "src/chat/widget.ts", out: "chat" },
    { in: "src/chat/chat.css", out: "chat" },
    { in: "src/wire/widget.ts", out: "wire" },
    { in: "src/wire/wire.css", out: "wire" },
  ],
  outdir: OUT.pathname,
  bundle: true,
  alias: aliases,
  define: { VERSION: JSON.stringify(`${name} ${version}`) },
  minify: true,
  format: "esm",
  target: "es2022",
  sourcemap: false,
  logLevel: "warning",
});

if (process.argv.includes("--check-size")) {
  for (const [name, budget, measure] of BUDGETS) {
    const size = measure(readFileSync(new URL(name, OUT)));
    console.log(`${name}: ${size} bytes, budget ${budget}`);
    if (size > budget) process.exitCode = 1;
  }
}
