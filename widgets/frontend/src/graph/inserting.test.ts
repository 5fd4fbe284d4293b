import assert from "node:assert/strict";
import { test } from "node:test";
import type { EdgeDoc, KindInfo, NodeDoc, PortKind } from "../wire";
import { applyPatch, documentOf } from "./document";
import { insertion, isInsertable } from "./inserting";

const port = (name: string, variadic = false): PortKind => ({ name, variadic, optional: false });
const kind = (inputs: PortKind[], outputs: PortKind[]): KindInfo => {
  const texts = { kind: "k", label: "k", family: "layer", summary: "", doc: "" };
  return { ...texts, version: 1, internal: false, inputs, outputs, fields: [], passes: false, formula: "" };
};
const node = (id: string): NodeDoc => {
  return { id, kind: "k", name: id, version: 1, params: {}, scope: "", x: 0, y: 0, note: "", bypassed: false };
};
const wire = (source: string, target: string, source_port = "y", target_port = "x"): EdgeDoc => {
  return { source, source_port, target, target_port };
};
const doc = documentOf([node("a"), node("b"), node("c"), node("new")], [wire("a", "b"), wire("a", "c")]);

test("a node comes between the two ends of a wire", () => {
  const after = applyPatch(doc, insertion([wire("a", "b")], "new", kind([port("xs", true)], [port("out")])));

  assert.deepEqual([wire("a", "c"), wire("a", "new", "y", "xs.0"), wire("new", "b", "out")], after.edges);
});

test("on wires that are drawn as one it comes before all that they lead to", () => {
  const after = applyPatch(doc, insertion(doc.edges, "new", kind([port("x"), port("z")], [port("y")])));

  assert.deepEqual([wire("a", "new"), wire("new", "b"), wire("new", "c")], after.edges);
});

test("only a node without wires, with an input and an output, can be put on a wire", () => {
  const through = kind([port("x")], [port("y")]);

  assert.equal(true, isInsertable(doc, through, "new"));
  assert.equal(true, isInsertable(doc, through, null));
  assert.equal(false, isInsertable(doc, through, "b"));
  assert.equal(false, isInsertable(doc, kind([], [port("y")]), null));
  assert.equal(false, isInsertable(doc, kind([port("x")], []), null));
  assert.equal(false, isInsertable(doc, undefined, null));
  assert.deepEqual([], insertion([wire("a", "b")], "new", kind([], [port("y")])));
});
