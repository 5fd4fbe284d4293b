import assert from "node:assert/strict";
import { test } from "node:test";
import type { Folds } from "../graph/folds";
import { FlowMaker } from "../graph/flow";
import type { GraphStore, GraphView } from "../graph/store";
import type { EdgeDoc, KindInfo, NodeDoc, NodeInfo, Problem } from "../wire";
import { COLOURS, type Look, type SvgFile, svgOf } from "./drawing";

const LOOK: Look = {
  colours: Object.fromEntries(Object.keys(COLOURS).map((name) => [name, `#${name}`])) as Look["colours"],
  hue: (css) => css.replace(/var\(--fl-family-(.*)\)/, "#$1"),
  font: '"A font", sans-serif',
  code: "code, monospace",
  measure: (text, font) => text.length * (font.includes("13px") ? 8 : 6),
};

const node = (id: string, x: number, y: number, more: Partial<NodeDoc> = {}): NodeDoc => {
  return { id, kind: "relu", name: id, version: 1, params: {}, scope: "", x, y, note: "", bypassed: false, ...more };
};

const wire = (source: string, target: string): EdgeDoc => ({ source, source_port: "y", target, target_port: "x" });

const RELU: KindInfo = {
  kind: "relu",
  label: "relu",
  version: 1,
  family: "layer",
  internal: false,
  summary: "",
  doc: "",
  inputs: [{ name: "x", variadic: false, optional: false }],
  outputs: [{ name: "y", variadic: false, optional: false }],
  fields: [],
  passes: true,
  formula: "",
};

interface Made {
  nodes: NodeDoc[];
  edges?: EdgeDoc[];
  problems?: Problem[];
  folded?: string[];
  spec?: string;
  name?: string;
}

/** The picture of a graph, drawn by what draws the canvas. */
function drawn({ nodes, edges = [], problems = [], folded = [], spec, name = "g" }: Made): SvgFile {
  const info = nodes.map(({ id }): NodeInfo => {
    const outputs = [{ name: "y", spec: spec ?? "float32[batch, 8]" }];
    return { id, inputs: [], outputs, parameters: 0, parameter_bytes: 0, output_bytes: 32 };
  });
  const view: GraphView = {
    name,
    revision: 0,
    nodes: new Map(nodes.map((node) => [node.id, node])),
    edges,
    info: new Map(info.map((info) => [info.id, info])),
    problems,
    canUndo: false,
    canRedo: false,
  };
  const marks = { nodes: new Map(), edges: new Map() };
  const store = { view, kinds: new Map([["relu", RELU]]), marks } as unknown as GraphStore;
  const folds = {
    revision: 0,
    isFolded: (path: string) => folded.includes(path),
    hiding: (path: string) => folded.find((outer) => `${path}/`.startsWith(`${outer}/`)) ?? null,
  } as unknown as Folds;
  const maker = new FlowMaker(store, folds);
  const nothing = new Set<string>();
  return svgOf({ name, nodes: maker.nodes(view, nothing, new Map()), edges: maker.edges(view, nothing) }, LOOK);
}

const count = (text: string, what: RegExp): number => text.match(what)?.length ?? 0;

test("the whole graph is drawn with a margin, wherever it lies", () => {
  const { text, width, height } = drawn({ nodes: [node("a", -1000, 50), node("b", 500, 900)], edges: [wire("a", "b")] });

  assert.match(text, /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" viewBox="-1024 26 /);
  assert.ok(width > 1500 + 160 && width < 1500 + 320);
  assert.ok(height > 850 + 40 && height < 850 + 140);
  assert.equal(1, count(text, /<path d="M[^"]*" fill="none" stroke="#secondary"/g));
  assert.equal(4, count(text, /<circle/g));
  assert.equal(2, count(text, /fill="#layer"\/>/g) - count(text, /<circle[^>]*fill="#layer"\/>/g));
});

test("wires end where the canvas lets them end: at the outer edges of ports", () => {
  const { text } = drawn({ nodes: [node("a", 0, 0), node("b", 400, 0)], edges: [wire("a", "b")], spec: "" });
  const width = Number(/<rect x="0.5" y="0.5" width="(\d+)"/.exec(text)![1]) + 1;

  assert.ok(text.includes(`d="M${width + 5} 16L395 16"`), text);
});

test("what people wrote stays text, also in titles, and what XML cannot hold is marked", () => {
  const evil = `</text><script>alert(1)</script>&"'\u0000\ud800`;
  const problem: Problem = { node: "a", message: evil, code: "spec", port: null, specs: [], dimension: null, fixes: [] };
  const { text } = drawn({ name: evil, nodes: [node("a", 0, 0, { name: evil, kind: evil })], problems: [problem] });

  assert.equal(0, count(text, /<script|\u0000|\p{Cs}/gu));
  assert.ok(text.includes("&lt;/text&gt;&lt;script&gt;"));
  assert.ok(text.includes("&amp;&quot;&#39;\ufffd\ufffd"));
});

test("a text that has no room is cut, and whole in its title", () => {
  const long = "x".repeat(100);
  const { text } = drawn({ nodes: [node("a", 0, 0, { name: long })] });

  assert.match(text, />x{10,40}…<title>x{100}<\/title><\/text>/);
});

test("problems and bypasses have their badges, and broken wires are dashed in the colour of problems", () => {
  const problem: Problem = { node: "b", message: "no", code: "spec", port: "x", specs: [], dimension: null, fixes: [] };
  const nodes = [node("a", 0, 0, { bypassed: true }), node("b", 400, 0)];
  const { text } = drawn({ nodes, edges: [wire("a", "b")], problems: [problem] });

  assert.match(text, /stroke="#danger" stroke-width="1.5" stroke-dasharray="5 4"/);
  assert.match(text, /fill="#danger" rx="8"\/><text[^>]*>!<\/text>/);
  assert.match(text, /stroke="#border" stroke-dasharray="3 3"/);
});

test("a folded scope is one node with its ports, an open one a box around its nodes", () => {
  const nodes = [node("a", 0, 0), node("b", 400, 0, { scope: "body" }), node("c", 800, 0, { scope: "body" })];
  const edges = [wire("a", "b"), wire("b", "c")];

  const open = drawn({ nodes, edges }).text;
  assert.match(open, /<title>body<\/title><rect [^>]*fill-opacity="0.03"/);
  assert.equal(2, count(open, /stroke-width="1.5"\/>\n|stroke-width="1.5"\/><text/g));
  const folded = drawn({ nodes, edges, folded: ["body"] }).text;
  assert.match(folded, /<title>body, 2 nodes, folded<\/title>/);
  assert.match(folded, />2 nodes<\/text>/);
  assert.equal(0, count(folded, /<title>body\/b/g));
});

test("an empty graph is an empty picture", () => {
  const { text, width, height } = drawn({ nodes: [] });

  assert.deepEqual([49, 49], [width, height]);
  assert.equal(0, count(text, /<g /g));
});
