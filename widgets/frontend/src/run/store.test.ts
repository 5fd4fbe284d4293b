import assert from "node:assert/strict";
import { test } from "node:test";
import { Host } from "../host";
import type { Acknowledged, Command, Curve, RunReply, RunState } from "../wire";
import { type RunStore, runStoreFor } from "./store";

const idle: RunState = {
  run: 1,
  status: "running",
  message: "",
  node: null,
  fixes: [],
  outdated: false,
  step: 0,
  steps: 100,
  epoch: 1,
  epochs: 10,
  batch_size: 32,
  samples_per_second: null,
  seconds_left: null,
  readouts: [],
  hyperparameters: [{ name: "learning_rate", value: 0.001, minimum: 1e-6, maximum: 1, scale: "log" }],
  events: [],
};

/** A store on a model that records what is sent and says what the test wants. */
function opened() {
  const sent: Command[] = [];
  let handler: (content: unknown, buffers: DataView[]) => void = () => {};
  const host = new Host({
    get: () => ({ layout: "board", kinds: [], features: [], graph: null, run: idle }),
    send: (content) => void sent.push((content as { message: Command }).message),
    on: (name: string, given: typeof handler) => void (name === "msg:custom" && (handler = given)),
    set: () => {},
    save_changes: () => {},
  });
  const store = runStoreFor(host) as RunStore;
  const say = (message: RunReply, buffers: DataView[] = []) => handler({ part: "run", message }, buffers);
  const acknowledge = (error: string | null) => {
    const { client, sequence } = sent.at(-1)!;
    say({ type: "acknowledged", client, sequence, error } satisfies Acknowledged);
  };
  const points = (start: number, values: number[], run = 1) => {
    const curve: Curve = { name: "loss", split: "train", start, count: values.length };
    const numbers = Float64Array.from([...values.map((_, i) => start + i), ...values]);
    // in a message the numbers need not be aligned to 8 bytes
    const bytes = new Uint8Array(numbers.byteLength + 3);
    bytes.set(new Uint8Array(numbers.buffer), 3);
    say({ type: "points", run, curves: [curve] }, [new DataView(bytes.buffer, 3)]);
  };
  const setRate = (value: number) =>
    say({ type: "state", state: { ...idle, hyperparameters: [{ ...idle.hyperparameters[0]!, value }] } });
  return { store, sent, say, acknowledge, points, setRate };
}

const held = (store: RunStore) => [...(store.curve("loss", "train")?.values ?? [])];

test("a new view asks for all points", () => {
  assert.deepEqual(opened().sent, [{ type: "points" }]);
});

test("points are appended, and from 0 they replace what was there", () => {
  const { store, points } = opened();

  points(0, [3, 2]);
  points(2, [1]);
  assert.deepEqual(held(store), [3, 2, 1]);

  points(0, [7]);
  assert.deepEqual(held(store), [7]);
});

test("a gap is not drawn: all points are asked for, once", () => {
  const { store, sent, points } = opened();
  points(0, [3, 2]);

  points(5, [1]);
  points(6, [1]);

  assert.deepEqual(held(store), [3, 2]);
  assert.equal(sent.length, 2);
});

test("a new run starts with empty curves, and late points of the old one are left out", () => {
  const { store, say, points } = opened();
  points(0, [3, 2]);

  say({ type: "state", state: { ...idle, run: 2 } });
  points(2, [1], 1);

  assert.deepEqual(held(store), []);
});

test("a value that was set is pending until the state shows it", () => {
  const { store, acknowledge, setRate } = opened();

  store.command("set", "learning_rate", 0.01);
  acknowledge(null);
  assert.deepEqual(store.view.pending.map((p) => p.command.value), [0.01]);

  setRate(0.01);
  assert.deepEqual(store.view.pending, []);
  assert.equal(store.view.error, null);
});

test("a refused command leaves its reason, and the next one clears it", () => {
  const { store, acknowledge } = opened();

  store.command("pause");
  acknowledge("there is no run to pause");
  assert.deepEqual(store.view.pending, []);
  assert.equal(store.view.error, "there is no run to pause");

  store.command("train");
  assert.equal(store.view.error, null);
  acknowledge(null);
});

test("what stood in the way is forgotten when the graph is mended", () => {
  const { store, say, acknowledge } = opened();
  store.command("train");
  acknowledge("the graph has no loss");
  say({ type: "state", state: { ...idle, status: "failed", message: "the graph has no loss" } });
  assert.equal(store.view.error, "the graph has no loss");

  say({ type: "state", state: { ...idle, status: "idle" } });
  assert.equal(store.view.error, null);
});
