// Builds the page half into streamwidget/static/. `--check-size` also fails when the bundle outgrew its budget.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const OUT = new URL("../streamwidget/static/", import.meta.url);
const GZIP_BUDGET = 12 * 1024; // bytes of widget.js: each saved answer that stays live carries it

await build({
  absWorkingDir: new URL(".", import.meta.url).pathname,
  entryPoints: ["src/widget.ts", "src/widget.css"],
  outdir: OUT.pathname,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  sourcemap: false,
  logLevel: "warning",
});

if (process.argv.includes("--check-size")) {
  const size = gzipSync(readFileSync(new URL("widget.js", OUT))).length;
  console.log(`widget.js: ${size} bytes gzipped, budget ${GZIP_BUDGET}`);
  if (size > GZIP_BUDGET) process.exit(1);
}
