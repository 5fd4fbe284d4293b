import type { Point } from "./arrangement";
import type { Box } from "./place";

/** Ways to line boxes up. */
export const ALIGNMENTS = {
  left: "Align left edges",
  middle: "Align middles, one below another",
  right: "Align right edges",
  top: "Align top edges",
  centre: "Align centres, side by side",
  bottom: "Align bottom edges",
  across: "Space out evenly, side by side",
  down: "Space out evenly, one below another",
};

export type Alignment = keyof typeof ALIGNMENTS;

/** Where the boxes go, by id; the box around all of them stays as it is. */
export function aligned(boxes: ReadonlyMap<string, Box>, how: Alignment): Map<string, Point> {
  const all = [...boxes.values()];
  const left = Math.min(...all.map(({ x }) => x));
  const top = Math.min(...all.map(({ y }) => y));
  const right = Math.max(...all.map(({ x, width }) => x + width));
  const bottom = Math.max(...all.map(({ y, height }) => y + height));
  switch (how) {
    case "left":
      return moved(boxes, ({ y }) => ({ x: left, y }));
    case "right":
      return moved(boxes, ({ y, width }) => ({ x: right - width, y }));
    case "middle":
      return moved(boxes, ({ y, width }) => ({ x: (left + right - width) / 2, y }));
    case "top":
      return moved(boxes, ({ x }) => ({ x, y: top }));
    case "bottom":
      return moved(boxes, ({ x, height }) => ({ x, y: bottom - height }));
    case "centre":
      return moved(boxes, ({ x, height }) => ({ x, y: (top + bottom - height) / 2 }));
    case "across":
      return spaced(boxes, "x", "width");
    case "down":
      return spaced(boxes, "y", "height");
  }
}

function moved(boxes: ReadonlyMap<string, Box>, to: (box: Box) => Point): Map<string, Point> {
  return new Map(
    [...boxes].map(([id, box]) => {
      const { x, y } = to(box);
      return [id, { x: Math.round(x), y: Math.round(y) }];
    }),
  );
}

/** The same gap between each two that follow each other; the first and the last stay. */
function spaced(boxes: ReadonlyMap<string, Box>, at: "x" | "y", size: "width" | "height"): Map<string, Point> {
  const sorted = [...boxes].sort(([, a], [, b]) => a[at] - b[at]);
  const [first, last] = [sorted[0]![1], sorted.at(-1)![1]];
  const taken = sorted.reduce((sum, [, box]) => sum + box[size], 0);
  const gap = (last[at] + last[size] - first[at] - taken) / Math.max(1, sorted.length - 1);
  const next = new Map<string, Box>();
  let place = first[at];
  for (const [id, box] of sorted) {
    next.set(id, { ...box, [at]: place });
    place += box[size] + gap;
  }
  return moved(next, ({ x, y }) => ({ x, y }));
}
