import assert from "node:assert/strict";
import { test } from "node:test";
import { Host } from "../host";
import type { FilesRequest, WidgetState } from "../wire";
import { FilesStore } from "./store";
import { bytes, when } from "./words";

/** A files store with a kernel that the test plays. */
function connected({ gone = false } = {}) {
  const sent: { message: FilesRequest; buffers: ArrayBuffer[] }[] = [];
  let receive: (content: unknown, buffers: DataView[]) => void = () => {};
  const files = { folder: "/home", name: "g.flow.json", changed: false, unsaved: null };
  const state: WidgetState = { layout: "editor", kinds: [], features: [], graph: null, run: null, picture: null, files };
  const host = new Host({
    get: () => state,
    send: (content, _, buffers = []) => {
      if (gone) throw new Error("the comm is gone");
      sent.push({ message: (content as { message: FilesRequest }).message, buffers });
    },
    on: (name: string, handler: typeof receive) => void (name === "msg:custom" && (receive = handler)),
    set: () => {},
    save_changes: () => {},
  });
  const store = new FilesStore(host);
  const answer = (message: object) =>
    receive({ part: "files", message: { client: host.client, sequence: sent.at(-1)?.message.sequence, ...message } }, []);
  const sentOnce = async (count: number) => {
    while (sent.length < count) await new Promise((resolve) => setTimeout(resolve));
  };
  return { store, sent, answer, sentOnce };
}

test("a file goes in pieces, each after the one before has arrived", async () => {
  const { store, sent, answer, sentOnce } = connected();
  const size = (1 << 20) + 5;
  const outcome = store.send("model.onnx", new Blob([new Uint8Array(size)]), true);
  await sentOnce(1);
  assert.equal("Opening model.onnx", store.busy);
  answer({ type: "go_on", start: 1 << 20 });
  await sentOnce(2);
  assert.match(store.busy ?? "", /99 % sent/);
  answer({ type: "go_on", start: size });
  answer({ type: "done", message: "opened", nodes: ["a"] });

  const done = await outcome;
  assert.deepEqual(["done", "opened", null], [done.type, done.message, store.busy]);
  assert.deepEqual([1 << 20, 5], sent.map(({ buffers }) => buffers[0]!.byteLength));
  const [first, second] = sent.map(({ message }) => message as Extract<FilesRequest, { type: "send" }>);
  assert.deepEqual([0, 1 << 20, size, true], [first!.start, second!.start, second!.size, second!.insert]);
});

test("a refusal of a piece ends it", async () => {
  const { store, sent, answer, sentOnce } = connected();
  const outcome = store.send("model.onnx", new Blob([new Uint8Array(3 << 20)]), false);
  await sentOnce(1);
  answer({ type: "refused", message: "no room", exists: false });

  assert.equal("no room", (await outcome).message);
  assert.deepEqual([1, null], [sent.length, store.busy]);
});

test("a file on its way is given up by hand", async () => {
  const { store, sent, answer, sentOnce } = connected();
  const outcome = store.send("model.onnx", new Blob([new Uint8Array(3 << 20)]), false);
  await sentOnce(1);
  assert.equal(true, store.sending);
  store.cancel();
  answer({ type: "go_on", start: 1 << 20 });

  assert.equal("Cancelled", (await outcome).message);
  assert.deepEqual([1, null, false], [sent.length, store.busy, store.sending]);
});

test("a file that cannot be read is refused, and nothing is sent", async () => {
  const { store, sent } = connected();
  const broken = { size: 5, slice: () => ({ arrayBuffer: () => Promise.reject(new Error("gone")) }) };

  const outcome = await store.send("gone.onnx", broken as unknown as Blob, false);

  assert.deepEqual(["refused", "gone.onnx cannot be read"], [outcome.type, outcome.message]);
  assert.deepEqual([0, null], [sent.length, store.busy]);
});

test("without a kernel it is said, and nothing waits", async () => {
  const { store } = connected({ gone: true });

  const outcome = await store.save("", false);
  assert.deepEqual(["refused", "The kernel cannot be reached"], [outcome.type, outcome.message]);
  assert.equal("The kernel cannot be reached", await store.list());
});

test("a note lasts until the graph changes", () => {
  const { store, answer } = connected();
  store.say({ note: "Saved" });
  answer({ type: "state", state: { ...store.state, changed: false } });
  assert.equal("Saved", store.note);
  answer({ type: "state", state: { ...store.state, changed: true } });

  assert.equal(null, store.note);
  assert.equal(true, store.state.changed);
});

test("sizes and times are said as people do", () => {
  assert.deepEqual(["7 B", "1.2 kB", "64 kB", "20 MB"], [7, 1200, 64_300, 20_000_000].map(bytes));
  const noon = new Date(2026, 4, 3, 14, 5);
  assert.equal("14:05", when(noon.getTime() / 1000, noon));
  assert.match(when(noon.getTime() / 1000, new Date(2026, 4, 4)), /2026.*14:05/);
});
