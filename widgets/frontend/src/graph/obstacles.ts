import type { Box } from "./place";

/** The side of the squares into which the plane is cut, in pixels. */
const SIDE = 512;

/** Boxes on a plane that are found by where they lie, without a look at all of them. */
export class Obstacles {
  private readonly squares = new Map<string, { id: string; box: Box }[]>();

  constructor(boxes: ReadonlyMap<string, Box>) {
    for (const [id, box] of boxes)
      for (const key of squaresOf(box)) {
        const square = this.squares.get(key);
        if (square) square.push({ id, box });
        else this.squares.set(key, [{ id, box }]);
      }
  }

  /** What lies in part in an area, but for what is left out; null as soon as that is more than `most`. */
  within(area: Box, besides: ReadonlySet<string>, most: number): Box[] | null {
    const found = new Set<Box>();
    for (const key of squaresOf(area))
      for (const { id, box } of this.squares.get(key) ?? []) {
        if (!overlap(area, box) || besides.has(id)) continue;
        if (found.add(box).size > most) return null;
      }
    return [...found];
  }
}

function* squaresOf({ x, y, width, height }: Box): Generator<string> {
  for (let column = Math.floor(x / SIDE); column <= Math.floor((x + width) / SIDE); column++)
    for (let row = Math.floor(y / SIDE); row <= Math.floor((y + height) / SIDE); row++) yield `${column},${row}`;
}

function overlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}
