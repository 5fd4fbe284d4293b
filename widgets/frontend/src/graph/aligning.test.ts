import assert from "node:assert/strict";
import { test } from "node:test";
import { aligned } from "./aligning";

const boxes = new Map([
  ["a", { x: 0, y: 10, width: 100, height: 40 }],
  ["b", { x: 300, y: 0, width: 200, height: 60 }],
  ["c", { x: 120, y: 50, width: 50, height: 20 }],
]);
const xs = (how: Parameters<typeof aligned>[1]) => [...aligned(boxes, how)].map(([id, { x }]) => `${id}${x}`);
const ys = (how: Parameters<typeof aligned>[1]) => [...aligned(boxes, how)].map(([id, { y }]) => `${id}${y}`);

test("edges and middles line up with those of the box around all", () => {
  assert.deepEqual(["a0", "b0", "c0"], xs("left"));
  assert.deepEqual(["a400", "b300", "c450"], xs("right"));
  assert.deepEqual(["a200", "b150", "c225"], xs("middle"));
  assert.deepEqual(["a0", "b0", "c0"], ys("top"));
  assert.deepEqual(["a30", "b10", "c50"], ys("bottom"));
  assert.deepEqual(["a15", "b5", "c25"], ys("centre"));
});

test("the other direction stays as it is", () => {
  assert.deepEqual(["a10", "b0", "c50"], ys("left"));
  assert.deepEqual(["a0", "b300", "c120"], xs("bottom"));
});

test("gaps become the same, between the first and the last", () => {
  assert.deepEqual(["a0", "c175", "b300"], xs("across")); // 500 - 350 = 150: two gaps of 75
  assert.deepEqual(["b0", "a35", "c50"], ys("down")); // 70 - 120: they overlap, by 25 each
});
