import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { Host } from "../host";
import type { Change, GraphRequest, NodeDoc, WidgetState } from "../wire";
import { GraphStore } from "./store";

const add = (id: string): Change => {
  const node: NodeDoc = { id, kind: "relu", name: id, version: 1, params: {}, scope: "", x: 0, y: 0, note: "", bypassed: false };
  return { op: "add_node", node };
};

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
  mock.method(Math, "random", () => 0); // where the counting of questions begins
});

/** A store with a kernel that the test plays: what was sent, and a way to answer. */
function connected() {
  const sent: GraphRequest[] = [];
  let receive: (content: unknown, buffers: DataView[]) => void = () => {};
  let returned = () => {};
  const graph = { name: "g", revision: 0, nodes: [], edges: [], info: [], problems: [], can_undo: false, can_redo: false };
  const state: WidgetState = { layout: "editor", kinds: [], features: [], graph, run: null, picture: null, files: null };
  const host = new Host({
    get: () => state,
    send: (content) => sent.push((content as { message: GraphRequest }).message),
    on: (name: string, handler: typeof receive & (() => void)) => {
      if (name === "msg:custom") receive = handler;
      else returned = handler;
    },
    set: () => {},
    save_changes: () => {},
  });
  const store = new GraphStore(host);
  const answer = (message: object | null) => receive({ part: "graph", message }, []);
  const patched = (revision: number, client: string, sequence: number, patch: Change[], order: string[] = []) =>
    answer({ type: "patched", revision, client, sequence, patch, info: [], problems: [], can_undo: true, can_redo: false, order });
  /** Answer the latest sync: all up to `sequence` was dealt with, and the graph is this (null: as the view has it). */
  const synced = (sequence: number, revision: number, nodes: Change[] | null, answers: object[] = []) => {
    const request = sent.filter(({ type }) => type === "sync").at(-1) as { request: number };
    const docs = nodes?.map((change) => change.op === "add_node" && change.node);
    const state = docs ? { ...graph, revision, nodes: docs } : null;
    answer({ type: "synced", client: host.client, request: request.request, sequence, revision, answers, state });
  };
  const ids = () => [...store.view.nodes.keys()];
  synced(0, 0, null);
  return { host, store, sent, answer, patched, synced, ids, returned };
}

test("an edit shows at once, and stays when it is confirmed", () => {
  const { host, store, patched, ids } = connected();
  store.edit([add("a")]);
  assert.deepEqual(["a"], ids());

  patched(1, host.client, 1, [add("a")]);

  assert.deepEqual(["a"], ids());
  assert.equal(true, store.view.canUndo);
});

const problem = { node: "a", message: "no", code: "spec", port: null, specs: [], dimension: null, fixes: [] };

test("a rejected edit is taken back and says why", () => {
  const { host, store, answer, ids } = connected();
  store.edit([add("a")]);
  store.edit([add("b")]);

  answer({ type: "rejected", client: host.client, sequence: 1, revision: 0, problem });

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
  const { store, sent, patched, synced, ids } = connected();
  const asked = () => sent.filter(({ type }) => type === "sync").length;
  patched(2, "", 0, [add("b")]);
  patched(3, "", 0, [add("c")]);
  assert.equal(2, asked()); // one at the start, one for the gap

  store.edit([add("later")]);
  synced(0, 3, [add("a"), add("b"), add("c")]);

  assert.deepEqual(["a", "b", "c", "later"], ids());
});

test("an old revision is not applied twice, and an old document not shown", () => {
  const { sent, patched, synced, ids } = connected();
  patched(2, "", 0, [add("b")]);
  patched(1, "", 0, [add("a")]);
  patched(1, "", 0, [add("a")]);
  patched(2, "", 0, [add("b")]);
  synced(0, 0, []);

  assert.deepEqual(["a", "b"], ids());
  assert.equal("sync", sent.at(-1)?.type);
});

test("an edit that was lost is sent again, once Python has said so", () => {
  const { host, store, sent, patched, synced, ids } = connected();
  store.edit([add("a")]);
  store.edit([add("b")]);

  mock.timers.tick(5000);
  assert.deepEqual({ type: "sync", client: host.client, request: 2, sequence: 0, revision: 0 }, sent.at(-1));
  synced(1, 1, [add("a")]);
  assert.equal(2, (sent.at(-1) as { sequence: number }).sequence);
  patched(2, host.client, 2, [add("b")]);

  assert.deepEqual(["a", "b"], ids());
  assert.equal(0, store.unanswered);
});

test("a refusal that was lost is told later", () => {
  const { host, store, synced, ids } = connected();
  store.edit([add("a")]);

  mock.timers.tick(5000);
  synced(1, 0, null, [{ type: "rejected", client: host.client, sequence: 1, revision: 0, problem }]);

  assert.deepEqual([], ids());
  assert.equal("no", store.refusal?.message);
});

test("a last patch that was lost is found when the page is returned to", () => {
  const { sent, synced, ids, returned } = connected();
  const before = sent.length;

  returned();
  assert.equal(before + 1, sent.length);
  synced(0, 1, [add("a")]);

  assert.deepEqual(["a"], ids());
});

test("after all is answered nothing more is asked", () => {
  const { host, store, sent, patched } = connected();
  store.edit([add("a")]);
  patched(1, host.client, 1, [add("a")]);
  const before = sent.length;

  mock.timers.tick(600_000);

  assert.equal(before, sent.length);
});

test("nodes that come back come where they were", () => {
  const { patched, ids } = connected();
  patched(1, "", 0, [add("b")]);
  patched(2, "", 0, [add("a")], ["a", "b"]);

  assert.deepEqual(["a", "b"], ids());
});

for (const [what, message] of Object.entries({
  nothing: null,
  "a word": "patched",
  "no message": {},
  "an unknown one": { type: "surprise" },
  "one without its fields": { type: "patched", revision: 1 },
  "one with a wrong field": { type: "fits", request: 1, ports: [{ node: 3, port: "x", reason: null }] },
  "a patch of unknown changes": {
    ...{ type: "patched", revision: 1, client: "", sequence: 0, patch: [{ op: "explode" }], info: [], problems: [] },
    ...{ can_undo: true, can_redo: true, order: [] },
  },
}))
  test(`${what} instead of a message changes nothing, and Python is asked`, () => {
    const { sent, answer, ids } = connected();
    answer(message as object);

    assert.deepEqual([], ids());
    assert.equal(2, sent.filter(({ type }) => type === "sync").length);
  });

test("a question about fits gets its own answer", async () => {
  const { store, answer } = connected();
  const first = store.fits("a", "y");
  const second = store.fits("b", "y");
  answer({ type: "fits", request: 3, ports: [{ node: "c", port: "x", reason: "no" }] });
  answer({ type: "fits", request: 2, ports: [] });

  assert.deepEqual([], await first);
  assert.equal("no", (await second)[0]?.reason);
});
