// Bundles the front end into ../static: flowloom.js (an anywidget module) and flowloom.css.
// --dev: readable, with source maps; --watch: rebuild on change; --tests: bundle the unit tests for node instead,
// and what the tests in Python run there (*.harness.ts).
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { build, context } from "esbuild";

const flags = new Set(process.argv.slice(2));
const development = flags.has("--dev");

/** "worker:./path" is the code of a worker as text: anywidget takes one module, so a worker begins from a blob. */
const workers = {
  name: "workers",
  setup({ onResolve, onLoad, initialOptions: { target, minify } }) {
    onResolve({ filter: /^worker:/ }, ({ path, resolveDir }) => ({
      path: `${join(resolveDir, path.slice("worker:".length))}.ts`,
      namespace: "worker",
    }));
    onLoad({ filter: /.*/, namespace: "worker" }, async ({ path }) => {
      const bundled = { bundle: true, format: "iife", platform: "browser", write: false, metafile: true };
      const { outputFiles, metafile } = await build({ entryPoints: [path], target, minify, ...bundled });
      const watchFiles = Object.keys(metafile.inputs).map((file) => resolve(file));
      return { contents: outputFiles[0].text, loader: "text", watchFiles };
    });
  },
};

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
  legalComments: "none", // LEGAL.txt has the whole licences
  metafile: true,
  plugins: [workers],
  define: { "process.env.NODE_ENV": development ? '"development"' : '"production"' },
  logLevel: "info",
};

const tests = {
  entryPoints: readdirSync("src", { recursive: true })
    .filter((name) => /\.(test|harness)\.ts$/.test(name))
    .map((name) => `src/${name}`),
  outdir: "build/tests",
  outExtension: { ".js": ".mjs" },
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  jsx: "automatic",
  plugins: [workers],
  logLevel: "warning",
};

if (flags.has("--tests")) {
  rmSync("build/tests", { recursive: true, force: true });
  await build(tests);
} else if (flags.has("--watch")) {
  await (await context(widget)).watch();
} else {
  const { metafile } = await build(widget);
  writeFileSync("../static/flowloom.js.LEGAL.txt", licences(Object.keys(metafile.inputs)));
}

/** The licence of every package that is in the bundle, which each of them asks to be passed on. */
function licences(inputs) {
  const folders = inputs.flatMap((path) => path.match(/^.*node_modules\/(@[^/]+\/)?[^/]+/)?.[0] ?? []);
  const texts = [...new Set(folders)].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
    const file = readdirSync(folder).find((file) => /^licen[cs]e/i.test(file));
    return `${name} ${version}\n\n${file ? readFileSync(`${folder}/${file}`, "utf8").trim() : `Licence: ${license}`}\n`;
  });
  return ["flowloom.js holds parts of these packages.\n", ...texts].join(`\n${"-".repeat(80)}\n\n`);
}
