import type { EdgeDoc, KindInfo, NodeDoc, NodeInfo, PortInfo, PortKind } from "../wire";

/** The ports that a node shows now. */
export interface Ports {
  inputs: PortInfo[];
  outputs: PortInfo[];
}

/**
 * The ports of a node: those that its kind declares, with the specs that were inferred for them.
 *
 * A variadic input `xs` shows `xs.0`, `xs.1`, ... for the wires it holds and one free port after them. Of an unknown
 * kind only the ports that have wires are known.
 */
export function portsOf(
  node: NodeDoc,
  kind: KindInfo | undefined,
  info: NodeInfo | undefined,
  edges: readonly EdgeDoc[],
): Ports {
  if (!kind) return portsInUse(node, edges);
  return {
    inputs: kind.inputs.flatMap((port) => {
      const names = port.variadic ? variadicNames(node, port, edges) : [port.name];
      return names.map((name) => ({ name, spec: specOf(info?.inputs, name) }));
    }),
    outputs: kind.outputs.map(({ name }) => ({ name, spec: specOf(info?.outputs, name) })),
  };
}

function variadicNames(node: NodeDoc, port: PortKind, edges: readonly EdgeDoc[]): string[] {
  let count = 0;
  for (const edge of edges) {
    if (edge.target !== node.id || !edge.target_port.startsWith(`${port.name}.`)) continue;
    count = Math.max(count, Number(edge.target_port.slice(port.name.length + 1)) + 1);
  }
  return Array.from({ length: count + 1 }, (_, index) => `${port.name}.${index}`);
}

function portsInUse(node: NodeDoc, edges: readonly EdgeDoc[]): Ports {
  const inputs = edges.filter((edge) => edge.target === node.id).map((edge) => edge.target_port);
  const outputs = edges.filter((edge) => edge.source === node.id).map((edge) => edge.source_port);
  const ports = (names: string[]) => [...new Set(names)].sort().map((name) => ({ name, spec: null }));
  return { inputs: ports(inputs), outputs: ports(outputs) };
}

function specOf(ports: readonly PortInfo[] | undefined, name: string): string | null {
  return ports?.find((port) => port.name === name)?.spec ?? null;
}
