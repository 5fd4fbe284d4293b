import assert from "node:assert/strict";
import { test } from "node:test";
import type { EdgeDoc, NodeDoc } from "../wire";
import { borderOf } from "./border";
import { applyPatch, documentOf, type GraphDoc } from "./document";
import { group, renameScope, scopeNameError, ungroup } from "./grouping";
import { members, scopeId, scopesOf } from "./scopes";
import type { GraphView } from "./store";

const node = (id: string, scope = "", kind = "relu", name = id): NodeDoc => ({
  id,
  kind,
  name,
  version: 1,
  params: {},
  scope,
  x: 0,
  y: 0,
  note: "",
  bypassed: false,
});
const edge = (source: string, target: string, target_port = "x", source_port = "y"): EdgeDoc => ({
  source,
  source_port,
  target,
  target_port,
});
const paths = (doc: GraphDoc) => Object.fromEntries([...doc.nodes.values()].map((n) => [n.id, `${n.scope}/${n.name}`]));

const nested = documentOf(
  [node("a"), node("b", "enc"), node("c", "enc/block"), node("d", "enc/block"), node("e", "dec")],
  [edge("a", "b"), edge("b", "c"), edge("c", "d"), edge("d", "e")],
);

test("scopes know what lies in them, directly and at any depth", () => {
  const tree = scopesOf(nested);

  assert.deepEqual(["enc", "dec", "enc/block"], [...tree.keys()]);
  assert.deepEqual([["b"], ["b", "c", "d"], ["enc/block"]], [tree.get("enc")?.own, tree.get("enc")?.nodes, tree.get("enc")?.scopes]);
  assert.deepEqual(["block", "enc", 2], [tree.get("enc/block")?.name, tree.get("enc/block")?.parent, tree.get("enc/block")?.depth]);
});

test("a scope between the top and a deeper one is there although no node lies directly in it", () => {
  const tree = scopesOf(documentOf([node("a", "one/two")], []));

  assert.deepEqual([[], ["one/two"], ["a"]], [tree.get("one")?.own, tree.get("one")?.scopes, tree.get("one")?.nodes]);
});

test("scopes that branch or loop say so", () => {
  const tree = scopesOf(
    documentOf(
      [
        node("begin", "cond", "cond_begin"),
        node("a", "cond/warm"),
        node("b", "cond/cold"),
        node("end", "cond", "cond"),
        node("s", "steps", "scan_begin"),
        node("w", "again", "while_begin"),
      ],
      [edge("begin", "end", "condition", "condition"), edge("a", "end", "then"), edge("b", "end", "otherwise")],
    ),
  );
  const roles = Object.fromEntries([...tree].map(([path, { role }]) => [path, role]));

  const branches = { "cond/warm": "branch: then", "cond/cold": "branch: otherwise" };
  assert.deepEqual({ cond: "condition", ...branches, steps: "scan", again: "loop" }, roles);
});

test("a tensor that many nodes of a scope read crosses its border once", () => {
  const doc = documentOf([node("a"), node("b", "s"), node("c", "s"), node("d")], [edge("a", "b"), edge("a", "c"), edge("c", "d")]);
  const view = { ...doc, info: new Map() } as unknown as GraphView;

  const { inputs, outputs } = borderOf(view, ["b", "c"]);

  assert.deepEqual([["a"], ["c"]], [inputs.map(({ node }) => node), outputs.map(({ node }) => node)]);
  assert.deepEqual(["s/c", "c"], [outputs[0]?.path, outputs[0]?.label]);
});

test("nodes and whole scopes are grouped where all of them are", () => {
  const inner = group(nested, ["b", scopeId("enc/block")])!;
  const outer = group(nested, ["c", "e"])!;

  assert.equal("enc/group", inner.path);
  assert.deepEqual(
    { a: "/a", b: "enc/group/b", c: "enc/group/block/c", d: "enc/group/block/d", e: "dec/e" },
    paths(applyPatch(nested, inner.patch)),
  );
  assert.deepEqual(["group/c", "group/e"], Object.values(paths(applyPatch(nested, outer.patch))).filter((p) => p.startsWith("group")));
  assert.equal(null, group(nested, ["missing"]));
});

test("a name that is taken in the new scope is made another one", () => {
  const doc = documentOf([node("1", "", "relu", "x"), node("2", "s", "relu", "x"), node("3", "s", "relu", "x_1")], []);
  const { patch } = group(doc, ["1", "2"])!;

  assert.deepEqual(["group/x", "group/x_2", "s/x_1"], Object.values(paths(applyPatch(doc, patch))).sort());
  assert.deepEqual(["/x", "/x_1", "/x_2"], Object.values(paths(applyPatch(doc, ungroup(doc, "s")))).sort());
});

test("ungrouping leaves inner scopes as they are, one level higher", () => {
  const after = applyPatch(nested, ungroup(nested, "enc"));

  assert.deepEqual({ a: "/a", b: "/b", c: "block/c", d: "block/d", e: "dec/e" }, paths(after));
  assert.deepEqual([...nested.nodes.keys()], [...after.nodes.keys()]);
});

test("an inner scope of the same name survives", () => {
  const doc = documentOf([node("1", "a", "relu", "x"), node("2", "a/a", "relu", "x")], []);

  assert.deepEqual({ 1: "/x", 2: "a/x" }, paths(applyPatch(doc, ungroup(doc, "a"))));
});

test("a scope is renamed with all that lies in it, unless the name is taken", () => {
  assert.deepEqual(
    { a: "/a", b: "encoder/b", c: "encoder/block/c", d: "encoder/block/d", e: "dec/e" },
    paths(applyPatch(nested, renameScope(nested, "enc", "encoder"))),
  );
  assert.deepEqual([], renameScope(nested, "enc", "enc"));
  assert.equal(null, scopeNameError(nested, "enc", "enc"));
  assert.equal("Another scope is named dec", scopeNameError(nested, "enc", "dec"));
  assert.ok(scopeNameError(nested, "enc", "a/b"));
  assert.ok(scopeNameError(nested, "enc", ""));
});

test("a selected scope stands for its nodes", () => {
  assert.deepEqual(new Set(["a", "c", "d"]), members(scopesOf(nested), ["a", scopeId("enc/block")]));
});
