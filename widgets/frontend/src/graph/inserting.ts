import type { Change, EdgeDoc, KindInfo, PortKind } from "../wire";
import type { GraphDoc } from "./document";

/** Put a node that has no wires on these, which come from one output: between that and the inputs that they lead to. */
export function insertion(edges: readonly EdgeDoc[], id: string, kind: KindInfo): Change[] {
  const [first, input, output] = [edges[0], firstOf(kind.inputs), firstOf(kind.outputs)];
  if (!first || input === null || output === null) return [];
  const { source, source_port } = first;
  return [
    ...edges.map((edge): Change => ({ op: "disconnect", edge })),
    { op: "connect", edge: { source, source_port, target: id, target_port: input } },
    ...edges.map((edge): Change => ({ op: "connect", edge: { ...edge, source: id, source_port: output } })),
  ];
}

/** What may be dragged onto a wire: a kind of node, or a block. */
export interface Insertable {
  inputs: readonly unknown[];
  outputs: readonly unknown[];
}

/** Whether something could be put on a wire: something goes in and out of it, and nothing is wired to it yet. */
export function isInsertable(doc: GraphDoc, kind: Insertable | undefined, id: string | null): boolean {
  if (!kind || kind.inputs.length === 0 || kind.outputs.length === 0) return false;
  return id === null || !doc.edges.some(({ source, target }) => source === id || target === id);
}

function firstOf(ports: readonly PortKind[]): string | null {
  const [port] = ports;
  return port ? (port.variadic ? `${port.name}.0` : port.name) : null;
}
