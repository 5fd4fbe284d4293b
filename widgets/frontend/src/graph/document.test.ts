import assert from "node:assert/strict";
import { test } from "node:test";
import type { Change, EdgeDoc, KindInfo, NodeDoc, PortKind } from "../wire";
import { applyPatch, documentOf, PatchError } from "./document";
import { addNode, bypass, connect, freeName, reconnect, remove } from "./edits";
import { portsOf } from "./ports";

const node = (id: string, name = id): NodeDoc => ({
  id,
  kind: "relu",
  name,
  version: 1,
  params: {},
  scope: "",
  x: 0,
  y: 0,
  note: "",
  bypassed: false,
});
const edge = (source: string, target: string, target_port = "x"): EdgeDoc => ({
  source,
  source_port: "y",
  target,
  target_port,
});
const kind = (kind: string, label: string, inputs: PortKind[] = []): KindInfo => ({
  kind,
  label,
  version: 3,
  family: "shape",
  internal: false,
  summary: "",
  doc: "",
  inputs,
  outputs: [{ name: "y", variadic: false, optional: false }],
  fields: [],
  passes: true, formula: "",
});
const chain = documentOf([node("a"), node("b"), node("c")], [edge("a", "b"), edge("b", "c")]);

test("a patch leaves the document before it as it was, and shares what it does not touch", () => {
  const after = applyPatch(chain, [{ op: "move", id: "a", x: 8, y: 9 }]);

  assert.deepEqual({ x: 8, y: 9 }, { x: after.nodes.get("a")?.x, y: after.nodes.get("a")?.y });
  assert.equal(0, chain.nodes.get("a")?.x);
  assert.equal(chain.nodes.get("b"), after.nodes.get("b"));
  assert.equal(chain.edges, after.edges);
});

test("nodes are bypassed, those that can be, and compute again once all of them are", () => {
  const kinds = new Map([["relu", kind("relu", "relu")], ["fixed", { ...kind("fixed", "fixed"), passes: false }]]);
  const doc = documentOf([node("a"), node("b"), { ...node("c"), kind: "fixed" }], []);
  const first = bypass(doc, kinds, ["a"]);
  const after = applyPatch(doc, first);
  const both = applyPatch(after, bypass(after, kinds, ["a", "b", "c"]));

  assert.deepEqual([{ op: "set_bypassed", id: "a", bypassed: true }], first);
  assert.deepEqual([true, true, false], ["a", "b", "c"].map((id) => both.nodes.get(id)?.bypassed));
  assert.deepEqual([], [...applyPatch(both, bypass(both, kinds, ["a", "b"])).nodes.values()].filter((n) => n.bypassed));
  assert.deepEqual([], bypass(doc, kinds, ["c", "missing"]));
});

test("a parameter is set and taken back", () => {
  const set = applyPatch(chain, [{ op: "set_param", id: "a", key: "units", value: 10 }]);
  const reset = applyPatch(set, [{ op: "reset_param", id: "a", key: "units" }]);

  assert.deepEqual({ units: 10 }, set.nodes.get("a")?.params);
  assert.deepEqual({}, reset.nodes.get("a")?.params);
});

test("a patch that does not apply is refused whole", () => {
  const bad: Change[][] = [
    [{ op: "add_node", node: node("a") }],
    [{ op: "remove_node", id: "a" }],
    [{ op: "remove_node", id: "missing" }],
    [{ op: "connect", edge: edge("c", "b") }],
    [{ op: "disconnect", edge: edge("a", "c") }],
    [{ op: "move", id: "a", x: 1, y: 1 }, { op: "rename", id: "missing", name: "d" }],
  ];
  for (const patch of bad) assert.throws(() => applyPatch(chain, patch), PatchError);
  assert.equal(0, chain.nodes.get("a")?.x);
});

test("removing a node takes its edges with it", () => {
  const after = applyPatch(chain, remove(chain, new Set(["b"]), []));

  assert.deepEqual(["a", "c"], [...after.nodes.keys()]);
  assert.deepEqual([], after.edges);
});

test("a wire to a taken port replaces what was there, in one step", () => {
  const after = applyPatch(chain, connect(chain, edge("a", "c")));

  assert.deepEqual([edge("a", "b"), edge("a", "c")], after.edges);
  assert.deepEqual([], connect(chain, edge("a", "b")));
});

test("an edge is taken to another port by its end", () => {
  const after = applyPatch(chain, reconnect(chain, edge("b", "c"), edge("b", "c", "z")));

  assert.deepEqual([edge("a", "b"), edge("b", "c", "z")], after.edges);
});

test("a new node has a name and an id of its own", () => {
  const named = documentOf([node("1", "dense"), node("2", "dense_1")], []);
  const { node: added } = addNode(named, kind("layers.dense", "dense"), 1.4, 2.6);

  assert.deepEqual(["dense_2", "layers.dense", 3, 1, 3], [added.name, added.kind, added.version, added.x, added.y]);
  assert.equal("input", freeName(named, "input", ""));
  assert.notEqual(added.id, addNode(named, kind("layers.dense", "dense"), 0, 0).node.id);
});

test("a variadic port has one free port after those in use", () => {
  const concatenate = kind("concatenate", "concatenate", [{ name: "xs", variadic: true, optional: false }]);
  const names = (edges: EdgeDoc[]) => portsOf(node("n"), concatenate, undefined, edges).inputs.map(({ name }) => name);

  assert.deepEqual(["xs.0"], names([]));
  assert.deepEqual(["xs.0", "xs.1", "xs.2"], names([edge("a", "n", "xs.1")]));
});

test("ports that may stay open are hollow until something is wired to them", () => {
  const attention = kind("attention", "attention", [
    { name: "query", variadic: false, optional: false },
    { name: "mask", variadic: false, optional: true },
  ]);
  const hollow = (edges: EdgeDoc[]) => portsOf(node("n"), attention, undefined, edges).inputs.map(({ hollow }) => hollow);

  assert.deepEqual([false, true], hollow([]));
  assert.deepEqual([false, false], hollow([edge("a", "n", "mask")]));
});

test("an output of any number shows those that were inferred, and those in use", () => {
  const split = { ...kind("split", "split"), outputs: [{ name: "parts", variadic: true, optional: false }] };
  const names = (inferred: string[], edges: EdgeDoc[]) => {
    const info = { id: "n", inputs: [], outputs: inferred.map((name) => ({ name, spec: null })), parameters: 0, parameter_bytes: 0, output_bytes: 0 };
    return portsOf(node("n"), split, info, edges).outputs.map(({ name }) => name);
  };

  assert.deepEqual(["parts.0", "parts.1", "parts.2"], names(["parts.0", "parts.1", "parts.2"], []));
  assert.deepEqual([], names([], []));
  assert.deepEqual(["parts.0", "parts.1"], names(["parts.0"], [{ ...edge("n", "b"), source_port: "parts.1" }]));
});

test("nodes change places among those that stay", () => {
  const doc = documentOf(["a", "b", "c", "d"].map((id) => node(id)), []);

  const next = applyPatch(doc, [{ op: "reorder", ids: ["d", "a"] }]);

  assert.deepEqual(["d", "b", "c", "a"], [...next.nodes.keys()]);
  assert.throws(() => applyPatch(doc, [{ op: "reorder", ids: ["a", "nothing"] }]), PatchError);
});
