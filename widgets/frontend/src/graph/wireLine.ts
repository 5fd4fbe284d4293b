import { getSmoothStepPath, Position } from "@xyflow/react";
import type { Point } from "./arrangement";
import { type Route, routeOf } from "./route";

/** Width of a character of a spec, and the room that it needs beside its ends, in pixels at zoom 1. */
const CHARACTER = 6.7;
const MARGIN = 8;

/** The line of a wire between the right edge of an output and the left edge of an input. */
export function lineOf(start: Point, end: Point, lane: number, level: number | null): Route {
  return routeOf(start, end, lane, level) ?? backwards(start, end);
}

/** What is written beside a wire that has so much room: the spec, its shape alone, or nothing. */
export function specBeside(spec: string, room: number): string | undefined {
  return [spec, shapeOf(spec)].find((text) => room > text.length * CHARACTER + MARGIN);
}

/** The shape alone, in few characters: "batch×8×8×1" for "float32[batch, 8, 8, 1]". */
function shapeOf(spec: string): string {
  return spec.slice(spec.indexOf("[") + 1, -1).replaceAll(", ", "×");
}

/** A wire to something that lies to the left. */
function backwards(start: Point, end: Point): Route {
  const from = { sourceX: start.x, sourceY: start.y, sourcePosition: Position.Right };
  const to = { targetX: end.x, targetY: end.y, targetPosition: Position.Left };
  const [path, x, y] = getSmoothStepPath({ ...from, ...to, offset: 20, borderRadius: 8 });
  return { path, label: { x, y }, room: 0 };
}
