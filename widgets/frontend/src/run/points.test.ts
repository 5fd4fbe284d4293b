import assert from "node:assert/strict";
import { test } from "node:test";
import { CurvePoints, firstAtOrAfter, minMax } from "./points";

const steps = (count: number, from = 0) => Float64Array.from({ length: count }, (_, i) => from + i);

test("few points are all kept", () => {
  assert.deepEqual(minMax(steps(4), steps(4), 2), [0, 1, 2, 3]);
});

test("each stretch keeps its smallest and largest value, and the ends stay", () => {
  const values = Float64Array.from({ length: 100 }, (_, i) => (i === 33 ? 9 : i === 71 ? -9 : 0));

  const kept = minMax(steps(100), values, 10);

  assert.ok(kept.includes(33) && kept.includes(71));
  assert.equal(kept[0], 0);
  assert.equal(kept.at(-1), 99);
  assert.ok(kept.length <= 22);
  assert.deepEqual(kept, [...new Set(kept)].sort((a, b) => a - b));
});

test("a stretch that begins with NaN still shows its extremes", () => {
  const values = Float64Array.from({ length: 100 }, (_, i) => (i % 10 === 0 ? Number.NaN : i % 10));

  const shown = new Set(minMax(steps(100), values, 10).map((i) => values[i]));

  assert.ok(shown.has(1) && shown.has(9));
});

test("a long curve is bounded, knows how much it received, and keeps its newest point and its outlier", () => {
  const curve = new CurvePoints();

  for (let from = 0; from < 200_000; from += 1000) {
    const values = Float64Array.from({ length: 1000 }, (_, i) => (from + i === 12_345 ? 99 : Math.sin(from + i)));
    curve.append(steps(1000, from), values);
  }

  assert.equal(curve.received, 200_000);
  assert.ok(curve.length <= 20_000);
  assert.equal(curve.lastStep, 199_999);
  assert.ok(curve.values.includes(99));
});

test("the first point at or after a step is found, or the end", () => {
  const rising = Float64Array.from([1, 3, 5]);

  assert.deepEqual([0, 1, 2, 5, 6].map((step) => firstAtOrAfter(rising, step)), [0, 0, 1, 2, 3]);
});
