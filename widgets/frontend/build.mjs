// Bundles the front end into ../static: flowloom.js (an anywidget module) and flowloom.css.
// --dev: readable, with source maps; --watch: rebuild on change; --tests: bundle the unit tests for node instead.
import { readdirSync, rmSync } from "node:fs";
import { build, context } from "esbuild";

const flags = new Set(process.argv.slice(2));
const development = flags.has("--dev");

const widget = {
  entryPoints: { flowloom: "src/index.tsx" },
  outdir: "../static",
  bundle: true,
  format: "esm",
  platform: "browser",
  target: "es2022",
  jsx: "automatic",
  minify: !development,
  sourcemap: development ? "inline" : false,
  legalComments: "linked",
  define: { "process.env.NODE_ENV": development ? '"development"' : '"production"' },
  logLevel: "info",
};

const tests = {
  entryPoints: readdirSync("src", { recursive: true })
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => `src/${name}`),
  outdir: "build/tests",
  outExtension: { ".js": ".mjs" },
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  jsx: "automatic",
  logLevel: "warning",
};

if (flags.has("--tests")) {
  rmSync("build/tests", { recursive: true, force: true });
  await build(tests);
} else if (flags.has("--watch")) {
  await (await context(widget)).watch();
} else {
  await build(widget);
}
