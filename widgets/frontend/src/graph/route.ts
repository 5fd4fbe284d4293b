import type { Point } from "./arrangement";
import type { Box } from "./place";

/** How many wires side by side have upright parts of their own. */
export const LANES = 5;

/** How far apart they are, in pixels. */
const LANE = 4;

/** How far a wire that goes forwards leaves a port before it may turn. */
const STUB = 8;

/** Ends that differ by less in height are joined by a straight line; a step that small looks like a fault. */
const LEVEL = 4;

/** How far a wire keeps from what it goes round, and from the next one there; all stay within the edge of a scope. */
const CLEAR = 6;
const BESIDE = 3;

/** How far above and below both ends a way round may lead. */
const REACH = 600;

/** The radius of corners. */
const RADIUS = 8;

/** The line of a wire that goes forwards, and the middle of its longest level part, where its spec is written. */
export interface Route {
  path: string;
  label: Point;
  /** The room for the spec beside a straight wire, in pixels; 0 where it bends. */
  room: number;
}

/** Where something may be in the way of a wire, or in that of the ways round. */
export function areaOf(start: Point, end: Point): Box {
  const [top, bottom] = [Math.min(start.y, end.y) - REACH, Math.max(start.y, end.y) + REACH];
  return { x: start.x, y: top, width: Math.max(0, end.x - start.x), height: bottom - top };
}

/** The height at which a wire runs so that it crosses none of what lies in its area; null if it does not matter. */
export function levelOf(start: Point, end: Point, lane: number, obstacles: readonly Box[]): number | null {
  if (end.x - start.x < roomNeeded()) return null;
  const near = obstacles.filter((box) => box.x < end.x && box.x + box.width > start.x);
  if (crossings(corners(start, end, lane, null), near) === 0) return null;
  const apart = CLEAR + lane * BESIDE;
  const { y, height } = areaOf(start, end);
  const levels = near
    .flatMap((box) => [box.y - apart, box.y + box.height + apart])
    .filter((level) => level > y && level < y + height);
  let best: { level: number | null; cost: number } = { level: null, cost: Infinity };
  for (const level of [null, start.y, end.y, ...levels]) {
    const crossed = crossings(corners(start, end, lane, level), near);
    const length = level === null ? 0 : Math.abs(level - start.y) + Math.abs(level - end.y);
    const cost = crossed * 10_000 + length;
    if (cost < best.cost) best = { level, cost };
  }
  return best.level;
}

/** The way from an output to an input that lies to the right of it; null if there is no room to go forwards. */
export function routeOf(start: Point, end: Point, lane: number, level: number | null): Route | null {
  if (end.x <= start.x) return null;
  if (level === null && Math.abs(end.y - start.y) < LEVEL) {
    const label = { x: (start.x + end.x) / 2, y: (start.y + end.y) / 2 };
    return { path: `M${start.x} ${start.y}L${end.x} ${end.y}`, label, room: end.x - start.x };
  }
  const points = corners(start, end, lane, level);
  return { path: rounded(points), label: labelOf(points, level), room: 0 };
}

function roomNeeded(): number {
  return LANES * LANE + 2 * STUB;
}

function corners(start: Point, end: Point, lane: number, level: number | null): Point[] {
  const room = end.x - start.x;
  const offset = (lane - (LANES - 1) / 2) * LANE;
  if (level === null) {
    const x = start.x + room / 2 + (room > roomNeeded() ? offset : 0);
    return [start, { x, y: start.y }, { x, y: end.y }, end];
  }
  const turn = Math.min(2 * STUB + (LANES - 1 - lane) * LANE, room / 2);
  const [first, last] = [start.x + turn, end.x - turn];
  return [start, { x: first, y: start.y }, { x: first, y: level }, { x: last, y: level }, { x: last, y: end.y }, end];
}

/** How often a line of level and upright parts meets boxes. */
function crossings(points: readonly Point[], boxes: readonly Box[]): number {
  let count = 0;
  for (let i = 1; i < points.length; i++) {
    const [a, b] = [points[i - 1]!, points[i]!];
    const [left, right] = [Math.min(a.x, b.x), Math.max(a.x, b.x)];
    const [top, bottom] = [Math.min(a.y, b.y), Math.max(a.y, b.y)];
    for (const { x, y, width, height } of boxes)
      if (x < right && x + width > left && y - 2 < bottom && y + height + 2 > top) count++;
  }
  return count;
}

function rounded(points: readonly Point[]): string {
  let path = `M${points[0]!.x} ${points[0]!.y}`;
  for (let i = 1; i < points.length - 1; i++) {
    const [before, here, after] = [points[i - 1]!, points[i]!, points[i + 1]!];
    const bend = Math.min(RADIUS, distance(before, here) / 2, distance(here, after) / 2);
    const [from, to] = [towards(here, before, bend), towards(here, after, bend)];
    path += `L${from.x} ${from.y}Q${here.x} ${here.y} ${to.x} ${to.y}`;
  }
  const last = points.at(-1)!;
  return `${path}L${last.x} ${last.y}`;
}

function labelOf(points: readonly Point[], level: number | null): Point {
  const [a, b] = level === null ? [points[1]!, points[2]!] : [points[2]!, points[3]!];
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}

function distance(a: Point, b: Point): number {
  return Math.abs(a.x - b.x) + Math.abs(a.y - b.y);
}

function towards(from: Point, to: Point, by: number): Point {
  const far = distance(from, to);
  if (far === 0) return from;
  return { x: from.x + ((to.x - from.x) * by) / far, y: from.y + ((to.y - from.y) * by) / far };
}
