// Builds the page half into streamwidget/static/. With `--check-size` it fails when a file is larger than its budget.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
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

const built = await build({
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
  metafile: true,
  logLevel: "warning",
});

// The licences of the packages whose code is in the bundles ask that their notices go with it.
const inputs = Object.keys(built.metafile.inputs).map((file) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1]);
const notices = [...new Set(inputs)].filter(Boolean).sort().map(notice);
writeFileSync(new URL("THIRD_PARTY_LICENSES.txt", OUT), notices.join("\n"));

function notice(name) {
  const folder = new URL(`node_modules/${name}/`, import.meta.url);
  const { version, license } = JSON.parse(readFileSync(new URL("package.json", folder)));
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file));
  if (files.length === 0) throw new Error(`${name} is bundled, and its licence was not found.`);
  return [
    `${name} ${version} (${license})\n`,
    ...files.map((file) => readFileSync(new URL(file, folder), "utf8")),
  ].join("\n");
}

if (process.argv.includes("--check-size")) {
  for (const [name, budget, measure] of BUDGETS) {
    const size = measure(readFileSync(new URL(name, OUT)));
    console.log(`${name}: ${size} bytes, budget ${budget}`);
    if (size > budget) process.exitCode = 1;
  }
}
