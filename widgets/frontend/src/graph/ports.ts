import type { EdgeDoc, KindInfo, NodeDoc, NodeInfo, PortInfo, PortKind } from "../wire";

/** A port as a node shows it. */
export interface ShownPort extends PortInfo {
  /** It may stay open for good. */
  optional: boolean;
  /** It is drawn hollow: nothing is wired to it, and nothing has to be. */
  hollow: boolean;
}

/** The ports that a node shows now. */
export interface Ports {
  inputs: ShownPort[];
  outputs: ShownPort[];
}

/**
 * The ports of a node: those that its kind declares, with the specs that were inferred for them.
 *
 * A variadic input `xs` shows `xs.0`, `xs.1`, ... for the wires it holds and one free port after them; a variadic output
 * those that were inferred. Of an unknown kind only the ports that have wires are known.
 */
export function portsOf(
  node: NodeDoc,
  kind: KindInfo | undefined,
  info: NodeInfo | undefined,
  edges: readonly EdgeDoc[],
): Ports {
  if (!kind) return portsInUse(node, edges);
  const wired = new Set(edges.filter((edge) => edge.target === node.id).map((edge) => edge.target_port));
  return {
    inputs: kind.inputs.flatMap((port) => {
      const names = port.variadic ? variadicInputs(node, port, edges) : [port.name];
      return names.map((name, index) => {
        const spare = port.optional || (port.variadic && index > 0 && index === names.length - 1);
        return { name, spec: specOf(info?.inputs, name), optional: port.optional, hollow: spare && !wired.has(name) };
      });
    }),
    outputs: kind.outputs.flatMap((port) => {
      const names = port.variadic ? variadicOutputs(node, port, info, edges) : [port.name];
      return names.map((name) => ({ name, spec: specOf(info?.outputs, name), optional: false, hollow: false }));
    }),
  };
}

/** The ports of a node in a picture: just those that are told of it. */
export function givenPorts({ inputs, outputs }: NodeInfo): Ports {
  const shown = (ports: readonly PortInfo[]) => ports.map((port) => ({ ...port, optional: false, hollow: false }));
  return { inputs: shown(inputs), outputs: shown(outputs) };
}

function variadicInputs(node: NodeDoc, port: PortKind, edges: readonly EdgeDoc[]): string[] {
  const used = edges.filter((edge) => edge.target === node.id).map((edge) => indexOf(port, edge.target_port));
  return numbered(port, Math.max(-1, ...used) + 2);
}

function variadicOutputs(
  node: NodeDoc,
  port: PortKind,
  info: NodeInfo | undefined,
  edges: readonly EdgeDoc[],
): string[] {
  const used = edges.filter((edge) => edge.source === node.id).map((edge) => indexOf(port, edge.source_port));
  const inferred = (info?.outputs ?? []).map(({ name }) => indexOf(port, name));
  return numbered(port, Math.max(info ? -1 : 0, ...used, ...inferred) + 1);
}

/** Which of a variadic port's a name is: 3 for `xs.3`, -1 for none. */
function indexOf({ name }: PortKind, port: string): number {
  return port.startsWith(`${name}.`) ? Number(port.slice(name.length + 1)) : -1;
}

function numbered({ name }: PortKind, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${name}.${index}`);
}

function portsInUse(node: NodeDoc, edges: readonly EdgeDoc[]): Ports {
  const inputs = edges.filter((edge) => edge.target === node.id).map((edge) => edge.target_port);
  const outputs = edges.filter((edge) => edge.source === node.id).map((edge) => edge.source_port);
  const ports = (names: string[]) => [...new Set(names)].sort().map((name) => ({ name, spec: null, optional: false, hollow: false }));
  return { inputs: ports(inputs), outputs: ports(outputs) };
}

function specOf(ports: readonly PortInfo[] | undefined, name: string): string | null {
  return ports?.find((port) => port.name === name)?.spec ?? null;
}
