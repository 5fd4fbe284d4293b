import assert from "node:assert/strict";
import { test } from "node:test";
import { Obstacles } from "./obstacles";
import type { Box } from "./place";

const BOXES = new Map<string, Box>(
  Array.from({ length: 200 }, (_, i) => {
    const [x, y] = [((i * 977) % 6000) - 2000, ((i * 613) % 3000) - 1000];
    return [`n${i}`, { x, y, width: 1 + ((i * 131) % 1500), height: 10 + ((i * 71) % 900) }] as const;
  }),
);

test("what lies in an area is found, however large it is, and once", () => {
  const besides = new Set(["n3", "n50", "gone"]);
  for (const [x, y, width, height] of [[-3000, -2000, 9000, 9000], [0, 0, 100, 100], [511, 511, 2, 2]] as const) {
    const expected = [...BOXES].flatMap(([id, box]) => {
      const apart =
        box.x >= x + width || x >= box.x + box.width || box.y >= y + height || y >= box.y + box.height;
      return apart || besides.has(id) ? [] : [box];
    });
    const found = new Obstacles(BOXES).within({ x, y, width, height }, besides, 200)!;

    assert.equal(expected.length, found.length);
    assert.deepEqual(new Set(expected), new Set(found));
  }
});

test("a search ends where there is too much", () => {
  assert.equal(null, new Obstacles(BOXES).within({ x: -3000, y: -2000, width: 9000, height: 9000 }, new Set(), 199));
});
