import { type NodeHandle, Position } from "@xyflow/react";
import type { NodeDoc } from "../wire";
import type { Border } from "./border";
import { short } from "./numbers";
import type { Ports, ShownPort } from "./ports";
import type { Scope } from "./scopes";

/** Sizes in pixels at zoom 1; graph.css and layout.py draw to the same numbers. */
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

/** Left and right of the names of ports, and between them. */
const PORT_MARGIN = 36;
const FOLD_BUTTON = 20;

export interface Geometry {
  width: number;
  height: number;
  handles: NodeHandle[];
}

/** How large a node is and where its ports sit, known without measuring it. */
export function geometryOf(node: NodeDoc, ports: Ports, label: string, parameters = 0): Geometry {
  const kind = label === node.name ? 0 : label.length * SMALL_CHARACTER + 12;
  const spec = Math.max(0, ...ports.outputs.map((port) => port.spec?.length ?? 0));
  const width = widthOf(
    node.name.length * NAME_CHARACTER + kind + 36,
    spec * CODE_CHARACTER + 28 + besideSpec(parameters),
    portsWidth(ports.inputs.map(labelOf), ports.outputs.map(labelOf)),
  );
  const names = [ports.inputs, ports.outputs].map((side) => side.map(({ name }) => name)) as [string[], string[]];
  return sized(width, ...names, ports.outputs.length > 0 ? SPEC : 0);
}

/** How large a folded scope is, and where its ports sit. */
export function scopeGeometry({ name, role }: Scope, { inputs, outputs }: Border, parameters: number): Geometry {
  const kind = role === null ? 0 : role.length * SMALL_CHARACTER + 24;
  const spec = outputs.length === 1 ? (outputs[0]?.spec?.length ?? 0) * CODE_CHARACTER + 64 : 0;
  const ports = portsWidth(inputs.map(({ label }) => label), outputs.map(({ label }) => label));
  const width = widthOf(
    name.length * NAME_CHARACTER + kind + 36 + FOLD_BUTTON,
    spec + 28 + besideSpec(parameters),
    ports,
  );
  return sized(width, inputs.map(({ id }) => id), outputs.map(({ id }) => id), SPEC);
}

/** The room for the number of weights in the line of the spec. */
function besideSpec(parameters: number): number {
  return parameters > 0 ? short(parameters).length * SMALL_CHARACTER + 12 : 0;
}

/** Whether a longer text has room beside the spec in a node of this width. */
export function fitsBeside(text: string, spec: string, width: number): boolean {
  return spec.length * CODE_CHARACTER + text.length * SMALL_CHARACTER + 12 + 28 <= width;
}

/** What a port's row says. */
export function labelOf({ name, optional }: ShownPort): string {
  return optional ? `${name} optional` : name;
}

/** Ports are named, in rows of their own, only where there is more than one; a single one sits in the header. */
export function rowCount(ports: number): number {
  return ports > 1 ? ports : 0;
}

/** The middle of a port, from the top of its node. */
export function portTop(index: number, count: number): number {
  return count > 1 ? HEADER + index * ROW + ROW / 2 : HEADER / 2;
}

function sized(width: number, inputs: readonly string[], outputs: readonly string[], footer: number): Geometry {
  return {
    width,
    height: HEADER + Math.max(rowCount(inputs.length), rowCount(outputs.length)) * ROW + footer,
    handles: [
      ...inputs.map((id, index) => handle(id, "target", -HANDLE / 2, index, inputs.length)),
      ...outputs.map((id, index) => handle(id, "source", width - HANDLE / 2, index, outputs.length)),
    ],
  };
}

function handle(id: string, type: "source" | "target", x: number, index: number, count: number): NodeHandle {
  const position = type === "source" ? Position.Right : Position.Left;
  return { id, type, position, x, y: portTop(index, count) - HANDLE / 2, width: HANDLE, height: HANDLE };
}

function widthOf(...wanted: number[]): number {
  return Math.round(Math.min(MAXIMUM, Math.max(MINIMUM, ...wanted)) / 4) * 4;
}

function portsWidth(inputs: readonly string[], outputs: readonly string[]): number {
  const widest = (labels: readonly string[]) =>
    labels.length > 1 ? Math.max(...labels.map(({ length }) => length)) * SMALL_CHARACTER : 0;
  const [left, right] = [widest(inputs), widest(outputs)];
  return left + right > 0 ? left + right + PORT_MARGIN : 0;
}
