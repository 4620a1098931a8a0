// Builds the files for the page's benchmarks into the given directory: page.js, and answer.css as it is shipped.
import { build } from "esbuild";
import { aliases } from "../aliases.mjs";

await build({
  absWorkingDir: new URL("..", import.meta.url).pathname,
  entryPoints: { page: "bench/page.ts", answer: "src/answer/answer.css" },
  outdir: process.argv[2],
  bundle: true,
  alias: aliases,
  minify: true,
  format: "iife",
  target: "es2022",
  logLevel: "warning",
});
