import assert from "node:assert/strict";
import { test } from "node:test";
import { Host } from "../host";
import type { Edit, EdgeDoc, GraphRequest, NodeDoc, WidgetState } from "../wire";
import { GraphStore } from "./store";
import { Tidying } from "./tidying";

const SIZE = { width: 160, height: 56, handles: [] };

/** A chain of so many nodes on one spot, and what is sent to the kernel. */
function chain(count: number) {
  const nodes = Array.from({ length: count }, (_, i): NodeDoc => {
    const name = `n${i}`;
    return { id: name, kind: "relu", name, version: 1, params: {}, scope: "", x: 40, y: 30, note: "", bypassed: false };
  });
  const edges = nodes.slice(1).map(({ id }, i): EdgeDoc => {
    return { source: `n${i}`, source_port: "y", target: id, target_port: "x" };
  });
  const graph = { name: "g", revision: 0, nodes, edges, info: [], problems: [], can_undo: false, can_redo: false };
  const state: WidgetState = { layout: "editor", kinds: [], features: [], graph, run: null, picture: null, files: null };
  const sent: GraphRequest[] = [];
  const host = new Host({
    get: () => state,
    send: (content) => {
      sent.push((content as { message: GraphRequest }).message);
      throw new Error("nobody answers"); // and the store waits for no answer
    },
    on: () => {},
    set: () => {},
    save_changes: () => {},
  });
  const store = new GraphStore(host);
  const tidying = new Tidying(store, () => SIZE);
  const edits = () => sent.filter((message): message is Edit => message.type === "edit");
  const until = (word: string) =>
    new Promise<void>((heard) => store.subscribe(() => store.announcement === word && heard()));
  return { store, tidying, edits, until };
}

test("a few nodes are laid out at once, as one edit, and their corner stays", () => {
  const { store, tidying, edits } = chain(3);
  tidying.begin(new Set());

  assert.equal(1, edits().length);
  assert.deepEqual([40, 296, 552], [...store.view.nodes.values()].map(({ x }) => x));
  assert.deepEqual([30, 30, 30], [...store.view.nodes.values()].map(({ y }) => y));
  assert.equal("Tidied", store.announcement);

  tidying.begin(new Set());
  assert.equal(1, edits().length);
  assert.equal("Everything is tidy already", store.announcement);
});

test("only some nodes are laid out, and the others stay", () => {
  const { store, tidying } = chain(4);
  tidying.begin(new Set(["n2", "n3"]));

  assert.deepEqual([40, 40, 40, 296], [...store.view.nodes.values()].map(({ x }) => x));
});

test("what was removed or moved meanwhile stays removed and where it is", async () => {
  const { store, tidying, edits, until } = chain(1000);
  const tidied = until("Tidied");
  tidying.begin(new Set());
  store.edit([{ op: "move", id: "n5", x: 7, y: 8 }]);
  store.edit([{ op: "disconnect", edge: store.view.edges.at(-1)! }, { op: "remove_node", id: "n999" }]);
  await tidied;

  const moved = edits().at(-1)!.patch.flatMap((change) => (change.op === "move" ? change.id : []));
  assert.equal(3, edits().length);
  assert.equal(997, moved.length); // neither of the two, and the first is where it belongs
  assert.equal(7, store.view.nodes.get("n5")?.x);
});

test("a layout that takes long says so, and what is cancelled moves nothing", async () => {
  const { store, tidying, edits } = chain(20_000);
  const told = new Promise<void>((heard) => tidying.subscribe(() => tidying.shown && heard()));
  tidying.begin(new Set());
  await told;
  assert.equal(20_000, tidying.shown?.nodes);
  tidying.cancel();

  assert.equal(null, tidying.shown);
  assert.equal("Layout cancelled", store.announcement);
  await new Promise((turn) => setTimeout(turn));
  assert.deepEqual([], edits());
});
