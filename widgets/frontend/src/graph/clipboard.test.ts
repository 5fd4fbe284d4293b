import assert from "node:assert/strict";
import { test } from "node:test";
import type { EdgeDoc, NodeDoc } from "../wire";
import { ClipboardError, duplicated, parsed, pasted, pieceOf, textOf } from "./clipboard";
import { applyPatch, documentOf, type GraphDoc } from "./document";
import { pathOf, scopeId } from "./scopes";

const node = (id: string, scope = "", more: Partial<NodeDoc> = {}): NodeDoc => {
  return { id, kind: "relu", name: id, version: 1, params: {}, scope, x: 0, y: 0, note: "", bypassed: false, ...more };
};
const wire = (source: string, target: string): EdgeDoc => ({ source, source_port: "y", target, target_port: "x" });
/** a -> b -> (encoder: c -> (block: d)) -> e */
const doc = documentOf(
  [
    node("a"),
    node("b", "", { params: { units: 3 }, note: "mine", x: 100, y: 20 }),
    node("c", "encoder"),
    node("d", "encoder/block"),
    node("e"),
  ],
  [wire("a", "b"), wire("b", "c"), wire("c", "d"), wire("d", "e")],
);
const HERE = { x: 0, y: 0 };
const paths = (doc: GraphDoc) => [...doc.nodes.values()].map(pathOf);
const named = (doc: GraphDoc) => {
  const name = (id: string) => pathOf(doc.nodes.get(id)!);
  return doc.edges.map(({ source, target }) => `${name(source)} > ${name(target)}`);
};
const through = (doc: GraphDoc, ids: string[], into = doc, scope = "") =>
  pasted(into, parsed(textOf(pieceOf(doc, ids))), scope, { x: 10, y: 5 });

test("nodes are pasted with new ids and free names, and else as they were", () => {
  const { patch, selection } = through(doc, ["a", "b"]);
  const after = applyPatch(doc, patch);

  assert.deepEqual(["a_1", "b_1"], paths(after).slice(5));
  assert.deepEqual(["a_1 > b_1"], named(after).slice(4));
  const copy = after.nodes.get(selection[1]!)!;
  assert.deepEqual([{ units: 3 }, "mine", 110, 25], [copy.params, copy.note, copy.x, copy.y]);
  assert.equal(false, doc.nodes.has(copy.id));
});

test("a scope comes with what lies in it, under a free name", () => {
  const { patch, selection } = through(doc, [scopeId("encoder")]);
  const after = applyPatch(doc, patch);

  assert.deepEqual(["encoder_1/c", "encoder_1/block/d"], paths(after).slice(5));
  assert.deepEqual([scopeId("encoder_1")], selection);
});

test("a scope in a scope, and one that is selected with the scope around it, come once", () => {
  assert.deepEqual(["block/d"], paths(applyPatch(documentOf([], []), through(doc, [scopeId("encoder/block")]).patch)));
  const both = through(doc, [scopeId("encoder/block"), "c", scopeId("encoder")], documentOf([], []), "inner");

  assert.deepEqual(["inner/encoder/c", "inner/encoder/block/d"], paths(applyPatch(documentOf([], []), both.patch)));
});

test("a scope of which all is selected is a scope again, unless it was all that was selected", () => {
  const empty = documentOf([], []);
  assert.deepEqual(["a", "encoder/c", "encoder/block/d"], paths(applyPatch(empty, through(doc, ["a", "c", "d"], empty).patch)));
  assert.deepEqual(["c", "block/d"], paths(applyPatch(empty, through(doc, ["c", "d"], empty).patch)));
  assert.deepEqual(["d"], paths(applyPatch(empty, through(doc, ["d"], empty).patch)));
});

test("nodes of one name from several scopes get names of their own", () => {
  const twins = documentOf([node("a", "", { name: "relu" }), node("b", "s", { name: "relu" }), node("c", "s")], []);

  assert.deepEqual(["relu", "relu_1"], paths(applyPatch(documentOf([], []), through(twins, ["a", "b"], documentOf([], [])).patch)));
});

test("a duplicate keeps its scope and the wires that come from outside", () => {
  const after = applyPatch(doc, duplicated(doc, ["b", "c"], HERE).patch);
  const alone = applyPatch(doc, duplicated(doc, ["d"], HERE).patch);

  assert.deepEqual(["b_1", "encoder/c_1"], paths(after).slice(5));
  assert.deepEqual(["a > b_1", "b_1 > encoder/c_1"], named(after).slice(4));
  assert.deepEqual(["encoder/c > encoder/block/d_1"], named(alone).slice(4));
});

test("a name that would get too long is cut", () => {
  const long = "n".repeat(120);
  const full = documentOf([node("a", "", { name: long })], []);

  assert.equal(`${"n".repeat(118)}_1`, paths(applyPatch(full, through(full, ["a"]).patch))[1]);
});

test("a whole .flow.json is taken too", () => {
  const file = { format: "flowloom", version: 1, name: "digits", seed: 0, nodes: [{ id: "a", kind: "relu", name: "a" }], edges: [] };

  assert.deepEqual([node("a", "", { x: null, y: null })], parsed(JSON.stringify(file)).nodes);
});

test("unknown kinds and hostile text in notes and parameters stay what they are", () => {
  const hostile = "<img src=x onerror=alert(1)>\u202e</script>" + "x".repeat(9000);
  const params = { ["__proto__"]: `${hostile}\u0000`, list: [null, [true, 1e300]] };
  const one = node("a", "", { kind: "never.heard", note: hostile, params });

  const copy = parsed(textOf({ nodes: [one], edges: [] })).nodes[0]!;

  assert.deepEqual(one, copy);
  assert.equal(undefined, ({} as Record<string, unknown>).list);
});

const good = { flowloom: "nodes", version: 1, nodes: [node("a"), node("b")], edges: [wire("a", "b")] };
const deep = JSON.parse("[".repeat(100) + "]".repeat(100)) as unknown;
const bad: [string, unknown][] = [
  ["a number", 3],
  ["a list", []],
  ["null", null],
  ["another format", { ...good, flowloom: "edges" }],
  ["a later version", { ...good, version: 2 }],
  ["no nodes", { ...good, nodes: [], edges: [] }],
  ["nodes that are no list", { ...good, nodes: {} }],
  ["too many nodes", { ...good, nodes: Array.from({ length: 5001 }, (_, i) => node(`n${i}`)) }],
  ["too many wires", { ...good, edges: Array.from({ length: 10_001 }, () => wire("a", "b")) }],
  ["a note with control characters", { ...good, nodes: [node("a", "", { note: "\u0000" })], edges: [] }],
  ["a note beyond measure", { ...good, nodes: [node("a", "", { note: "x".repeat(1 << 20) })], edges: [] }],
  ["a node that is text", { ...good, nodes: ["a"] }],
  ["one id twice", { ...good, nodes: [node("a"), node("a")] }],
  ["a wire from nowhere", { ...good, edges: [wire("z", "b")] }],
  ["two wires to one input", { ...good, edges: [wire("a", "b"), wire("a", "b")] }],
  ["a port without a name", { ...good, edges: [{ ...wire("a", "b"), source_port: "" }] }],
  ["an id that is a number", { ...good, nodes: [{ ...node("a"), id: 1 }, node("b")] }],
  ...["", " ", "a/b", "a\nb", "a\u0000", "\u202e", "n".repeat(121), 7, null, "\ud800"].map((name): [string, unknown] => [
    `the name ${JSON.stringify(name)}`,
    { ...good, nodes: [{ ...node("a"), name }, node("b")] },
  ]),
  ["no kind", { ...good, nodes: [{ ...node("a"), kind: undefined }, node("b")] }],
  ["an empty part of a scope", { ...good, nodes: [node("a", "x//y"), node("b")] }],
  ["a scope that is too long", { ...good, nodes: [node("a", "x/".repeat(300) + "x"), node("b")] }],
  ["a version that is text", { ...good, nodes: [{ ...node("a"), version: "1" }, node("b")] }],
  ["a position that is text", { ...good, nodes: [{ ...node("a"), x: "0" }, node("b")] }],
  ["parameters that are a list", { ...good, nodes: [{ ...node("a"), params: [] }, node("b")] }],
  ["a parameter that is nested too deeply", { ...good, nodes: [node("a", "", { params: { deep } }), node("b")] }],
  ["a note that is a number", { ...good, nodes: [{ ...node("a"), note: 3 }, node("b")] }],
];
for (const [what, value] of bad)
  test(`${what} is refused in one line`, () => {
    assert.throws(() => parsed(JSON.stringify(value)), (error) => error instanceof ClipboardError && !/\n/.test(error.message));
  });

test("what is no JSON, a number beyond all bounds, and too much text are refused", () => {
  const endless = JSON.stringify(good).replace('"x":0', '"x":1e999');
  for (const text of ["", "import flowloom", "{", "[".repeat(1 << 20), endless, " ".repeat(6 << 20)])
    assert.throws(() => parsed(text), ClipboardError);
});

test("thousands of nodes of one name are pasted at once", () => {
  const many = Array.from({ length: 5000 }, (_, i) => node(`n${i}`, "", { name: "relu" }));

  const { patch } = pasted(documentOf(many.map((one) => ({ ...one, name: `relu_${one.id}` })), []), { nodes: many, edges: [] }, "", HERE);

  assert.equal(5000, new Set(patch.map((change) => change.op === "add_node" && change.node.name)).size);
});

test("a wire of the piece that has one end in the graph keeps that end", () => {
  const piece = { nodes: [node("x", "block")], edges: [wire("a", "x"), wire("x", "e")] };
  const after = applyPatch(documentOf([node("a"), node("e")], []), pasted(documentOf([node("a"), node("e")], []), piece, "", HERE).patch);

  assert.deepEqual(["a > block/x", "block/x > e"], named(after));
});
