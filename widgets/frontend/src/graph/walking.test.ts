import assert from "node:assert/strict";
import { test } from "node:test";
import { inReadingOrder, nearest } from "./walking";

const at = (id: string, x: number, y: number) => ({ id, box: { x, y, width: 10, height: 10 } });
const items = [at("loss", 200, 0), at("label", 0, 50), at("image", 0, 0), at("scores", 100, 80)];

test("one walks from left to right, and down where things begin at one place", () => {
  assert.deepEqual(["image", "label", "scores", "loss"], inReadingOrder(items).map(({ id }) => id));
});

test("where something was, what lies nearest takes its place", () => {
  assert.equal("scores", nearest(items, { x: 110, y: 60, width: 1, height: 1 })?.id);
  assert.equal(undefined, nearest([], { x: 0, y: 0, width: 1, height: 1 }));
});
