import type { FlowNode } from "../graph/flow";
import { portTop } from "../graph/geometry";
import type { ShownPort } from "../graph/ports";
import type { Pen } from "./pen";

/** The dots of the ports, and their names where there is more than one. */
export function drawPorts(
  { width = 0 }: FlowNode,
  inputs: readonly ShownPort[],
  outputs: readonly ShownPort[],
  hue: string,
  pen: Pen,
): string {
  const { raised, secondary, disabled } = pen.look.colours;
  const dot = ({ hollow }: ShownPort, x: number, y: number): string =>
    hollow
      ? `<circle cx="${x}" cy="${y}" r="3.25" fill="${raised}" stroke="${hue}" stroke-opacity="0.6" stroke-width="1.5"/>`
      : `<circle cx="${x}" cy="${y}" r="4" fill="${hue}" stroke="${raised}" stroke-width="2"/>`;
  const name = ({ name, optional }: ShownPort, y: number, left: boolean, room: number): string => {
    const place = { x: left ? 12 : width - 12, y: y + 4, width: room, anchor: left ? "start" : "end" } as const;
    if (!optional) return pen.text(name, "small", { ...place, colour: secondary });
    const after = 12 + pen.width(`${name} `, "small");
    return (
      pen.text(name, "small", { ...place, colour: secondary }) +
      pen.text("optional", "small", { ...place, x: after, width: room - after + 12, colour: disabled })
    );
  };
  const side = (ports: readonly ShownPort[], others: readonly ShownPort[], left: boolean): string[] => {
    const room = others.length < 2 ? width - 24 : width * 0.66;
    return ports.flatMap((port, index) => {
      const y = portTop(index, ports.length);
      return [dot(port, left ? 0 : width, y), ports.length > 1 ? name(port, y, left, room) : ""];
    });
  };
  return [...side(inputs, outputs, true), ...side(outputs, inputs, false)].join("");
}
