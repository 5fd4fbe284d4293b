import assert from "node:assert/strict";
import { test } from "node:test";
import { Host } from "../host";
import type { Change, GraphRequest, NodeDoc, WidgetState } from "../wire";
import { GraphStore } from "./store";

const add = (id: string): Change => {
  const node: NodeDoc = { id, kind: "relu", name: id, version: 1, params: {}, scope: "", x: 0, y: 0, note: "", bypassed: false };
  return { op: "add_node", node };
};

/** A store with a kernel that the test plays: what was sent, and a way to answer. */
function connected() {
  const sent: GraphRequest[] = [];
  let receive: (content: unknown, buffers: DataView[]) => void = () => {};
  const graph = { name: "g", revision: 0, nodes: [], edges: [], info: [], problems: [], can_undo: false, can_redo: false };
  const state: WidgetState = { layout: "editor", kinds: [], features: [], graph, run: null, picture: null };
  const host = new Host({
    get: () => state,
    send: (content) => sent.push((content as { message: GraphRequest }).message),
    on: (_, handler) => (receive = handler),
    set: () => {},
    save_changes: () => {},
  });
  const store = new GraphStore(host);
  const answer = (message: object) => receive({ part: "graph", message }, []);
  const patched = (revision: number, client: string, sequence: number, patch: Change[]) =>
    answer({ type: "patched", revision, client, sequence, patch, info: [], problems: [], can_undo: true, can_redo: false });
  const reset = (revision: number, ...nodes: Change[]) =>
    answer({
      type: "reset",
      state: { ...graph, revision, nodes: nodes.map((change) => change.op === "add_node" && change.node) },
    });
  const ids = () => [...store.view.nodes.keys()];
  reset(0);
  return { host, store, sent, answer, patched, reset, ids };
}

test("an edit shows at once, and stays when it is confirmed", () => {
  const { host, store, patched, ids } = connected();
  store.edit([add("a")]);
  assert.deepEqual(["a"], ids());

  patched(1, host.client, 1, [add("a")]);

  assert.deepEqual(["a"], ids());
  assert.equal(true, store.view.canUndo);
});

test("a rejected edit is taken back and says why", () => {
  const { host, store, answer, ids } = connected();
  store.edit([add("a")]);
  store.edit([add("b")]);
  const problem = { node: "a", message: "no", port: null, specs: [], dimension: null, fixes: [] };

  answer({ type: "rejected", client: host.client, sequence: 1, problem });

  assert.deepEqual(["b"], ids());
  assert.equal("no", store.refusal?.message);
});

test("own edits stay on top of what others do", () => {
  const { store, patched, ids } = connected();
  store.edit([add("mine")]);

  patched(1, "", 0, [add("theirs")]);

  assert.deepEqual(["theirs", "mine"], ids());
});

test("a missed revision makes the store ask for the document, once", () => {
  const { store, sent, patched, reset, ids } = connected();
  const asked = () => sent.filter(({ type }) => type === "sync").length;
  patched(2, "", 0, [add("b")]);
  patched(3, "", 0, [add("c")]);
  assert.equal(2, asked()); // one at the start, one for the gap

  store.edit([add("later")]);
  reset(3, add("a"), add("b"), add("c"));

  assert.deepEqual(["a", "b", "c", "later"], ids());
});

test("an old revision is not applied twice", () => {
  const { patched, reset, ids } = connected();
  reset(5, add("a"));
  patched(5, "", 0, [add("a")]);

  assert.deepEqual(["a"], ids());
});

test("a question about fits gets its own answer", async () => {
  const { store, answer } = connected();
  const first = store.fits("a", "y");
  const second = store.fits("b", "y");
  answer({ type: "fits", request: 2, ports: [{ node: "c", port: "x", reason: "no" }] });
  answer({ type: "fits", request: 1, ports: [] });

  assert.deepEqual([], await first);
  assert.equal("no", (await second)[0]?.reason);
});
