import { type NodeHandle, Position } from "@xyflow/react";
import type { NodeDoc } from "../wire";
import type { Ports } from "./ports";

/** Sizes in pixels at zoom 1; graph.css draws to the same numbers. */
const HEADER = 32;
const ROW = 20;
const SPEC = 24;
const HANDLE = 10;
const MINIMUM = 160;
const MAXIMUM = 240;

/** Mean widths of a character in the type sizes of a node, in the widest of the usual interface fonts. */
const NAME_CHARACTER = 8.4;
const SMALL_CHARACTER = 6.6;
const CODE_CHARACTER = 6.7;

export interface Geometry {
  width: number;
  height: number;
  handles: NodeHandle[];
}

/** How large a node is and where its ports sit, known without measuring it. */
export function geometryOf(node: NodeDoc, ports: Ports, label: string): Geometry {
  const width = Math.round(Math.min(MAXIMUM, Math.max(MINIMUM, textWidth(node, ports, label))) / 4) * 4;
  const rows = Math.max(rowCount(ports.inputs.length), rowCount(ports.outputs.length));
  return {
    width,
    height: HEADER + rows * ROW + (ports.outputs.length > 0 ? SPEC : 0),
    handles: [
      ...ports.inputs.map(({ name }, index) => handle(name, "target", -HANDLE / 2, index, ports.inputs.length)),
      ...ports.outputs.map(({ name }, index) => handle(name, "source", width - HANDLE / 2, index, ports.outputs.length)),
    ],
  };
}

/** Ports are named, in rows of their own, only where there is more than one; a single one sits in the header. */
export function rowCount(ports: number): number {
  return ports > 1 ? ports : 0;
}

/** The middle of a port, from the top of its node. */
export function portTop(index: number, count: number): number {
  return count > 1 ? HEADER + index * ROW + ROW / 2 : HEADER / 2;
}

function handle(id: string, type: "source" | "target", x: number, index: number, count: number): NodeHandle {
  const position = type === "source" ? Position.Right : Position.Left;
  return { id, type, position, x, y: portTop(index, count) - HANDLE / 2, width: HANDLE, height: HANDLE };
}

function textWidth(node: NodeDoc, ports: Ports, label: string): number {
  const kind = label === node.name ? 0 : label.length * SMALL_CHARACTER + 12;
  const spec = Math.max(0, ...ports.outputs.map((port) => port.spec?.length ?? 0));
  return Math.max(node.name.length * NAME_CHARACTER + kind + 36, spec * CODE_CHARACTER + 28);
}
