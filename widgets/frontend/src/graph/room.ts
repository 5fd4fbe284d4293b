import type { Box } from "./place";

/** Something on a plane: its box in the document, and the size in which it is shown. */
export interface Shown {
  box: Box;
  width: number;
  height: number;
}

/** Where each coordinate of the document is shown: a line that rises through corners. */
export interface Axis {
  to(value: number): number;
  from(value: number): number;
}

/** Both axes of a plane. */
export interface Plane {
  x: Axis;
  y: Axis;
}

/**
 * A plane on which things that are shown smaller than in the document, or larger, leave no gaps and cover nothing.
 *
 * Each stretch of an axis is shown so long that all that lies across it has room: as it is where something is shown in
 * its own size, shorter where all is shown smaller. Both axes rise, so what is apart stays apart and in order.
 */
export function planeOf(items: readonly Shown[]): Plane {
  return {
    x: axisOf(items.map(({ box, width }) => ({ start: box.x, length: box.width, shown: width }))),
    y: axisOf(items.map(({ box, height }) => ({ start: box.y, length: box.height, shown: height }))),
  };
}

interface Stretch {
  start: number;
  length: number;
  shown: number;
}

function axisOf(stretches: readonly Stretch[]): Axis {
  if (stretches.every(({ length, shown }) => length === shown)) return { to: (value) => value, from: (value) => value };
  const events = stretches
    .filter(({ length }) => length > 0)
    .flatMap(({ start, length, shown }) => [
      { at: start, ratio: shown / length, count: 1 },
      { at: start + length, ratio: shown / length, count: -1 },
    ])
    .sort((a, b) => a.at - b.at);
  const open = new Map<number, number>(); // how many things of each ratio lie across the stretch
  const inner: number[] = [];
  const outer: number[] = [];
  for (const { at, ratio, count } of events) {
    const last = inner.at(-1);
    if (last === undefined) {
      inner.push(at);
      outer.push(at);
    } else if (at > last) {
      const scale = open.size > 0 ? Math.max(...open.keys()) : 1;
      inner.push(at);
      outer.push(outer.at(-1)! + (at - last) * scale);
    }
    const left = (open.get(ratio) ?? 0) + count;
    if (left > 0) open.set(ratio, left);
    else open.delete(ratio);
  }
  return { to: (value) => along(inner, outer, value), from: (value) => along(outer, inner, value) };
}

/** `value` taken from one rising list of corners to the other, with slope 1 before the first and after the last. */
function along(from: readonly number[], to: readonly number[], value: number): number {
  let low = 0;
  let high = from.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (from[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  const index = low - 1; // the last corner that is not beyond it
  if (index < 0) return to[0]! + value - from[0]!;
  if (index === from.length - 1) return to[index]! + value - from[index]!;
  const share = (value - from[index]!) / (from[index + 1]! - from[index]!);
  return to[index]! + share * (to[index + 1]! - to[index]!);
}
