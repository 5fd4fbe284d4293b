import assert from "node:assert/strict";
import { test } from "node:test";
import { levelOf, routeOf } from "./route";

const start = { x: 0, y: 0 };
const end = { x: 600, y: 0 };

test("a wire with nothing in its way runs as it would", () => {
  assert.equal(null, levelOf(start, end, 0, [{ x: 200, y: 100, width: 160, height: 56 }]));
  assert.equal("M0 0L600 0", routeOf(start, end, 0, null)?.path);
});

test("a wire goes round what lies between its ends, on the shorter side", () => {
  const above = levelOf(start, end, 0, [{ x: 200, y: -10, width: 160, height: 56 }])!;
  const below = levelOf(start, end, 0, [{ x: 200, y: -46, width: 160, height: 56 }])!;

  assert.ok(above < -10 && above > -40, String(above));
  assert.ok(below > 10 && below < 40, String(below));
});

test("a wire that only has to turn sooner keeps the height of one of its ends", () => {
  const lower = { x: 600, y: 100 };

  assert.equal(100, levelOf(start, lower, 0, [{ x: 400, y: -20, width: 160, height: 56 }, { x: 150, y: -20, width: 160, height: 56 }]));
});

test("a wire that leads back is drawn otherwise", () => {
  assert.equal(null, routeOf(end, start, 0, null));
  assert.equal(null, levelOf(end, start, 0, [{ x: 200, y: -10, width: 160, height: 56 }]));
});
