import type { EdgeDoc, NodeInfo } from "../wire";
import { pathOf } from "./scopes";
import type { GraphView } from "./store";

/** A tensor that crosses the border of a scope: one port of the scope, however many nodes read it. */
export interface BorderPort {
  /** Names the port on the canvas. */
  id: string;
  /** The node that the tensor comes from, with its port. */
  node: string;
  port: string;
  /** The node's name with the scopes around it. */
  path: string;
  /** The node's name alone. */
  label: string;
  spec: string | null;
}

export interface Border {
  inputs: BorderPort[];
  outputs: BorderPort[];
}

/** What the output of a node is called that has no other. */
const ONLY = "y";

/** The id of the port by which a tensor enters or leaves a scope. */
export function borderPort({ source, source_port }: EdgeDoc): string {
  return `${source}:${source_port}`;
}

/** What crosses the borders of scopes, each given as the nodes in it: inputs at the left, outputs at the right. */
export function borders(view: GraphView, holder: (node: string) => string | null): ReadonlyMap<string, Border> {
  const found = new Map<string, { inputs: Map<string, BorderPort>; outputs: Map<string, BorderPort> }>();
  const of = (scope: string) => {
    let border = found.get(scope);
    if (!border) found.set(scope, (border = { inputs: new Map(), outputs: new Map() }));
    return border;
  };
  for (const edge of view.edges) {
    const source = holder(edge.source);
    const target = holder(edge.target);
    if (source === target) continue;
    const id = borderPort(edge);
    if (target !== null && !of(target).inputs.has(id)) of(target).inputs.set(id, port(view, edge, id));
    if (source !== null && !of(source).outputs.has(id)) of(source).outputs.set(id, port(view, edge, id));
  }
  return new Map(
    [...found].map(([scope, { inputs, outputs }]) => [
      scope,
      { inputs: [...inputs.values()], outputs: [...outputs.values()] },
    ]),
  );
}

export const NO_BORDER: Border = { inputs: [], outputs: [] };

/** What crosses the border of one scope. */
export function borderOf(view: GraphView, nodes: readonly string[]): Border {
  const inside = new Set(nodes);
  return borders(view, (id) => (inside.has(id) ? "it" : null)).get("it") ?? NO_BORDER;
}

function port(view: GraphView, edge: EdgeDoc, id: string): BorderPort {
  const { source: node, source_port: port } = edge;
  const doc = view.nodes.get(node);
  const suffix = port === ONLY ? "" : `.${port}`;
  const [path, label] = [doc ? pathOf(doc) : node, doc?.name ?? node].map((name) => name + suffix) as [string, string];
  return { id, node, port, path, label, spec: specOf(view.info.get(node), port) };
}

function specOf(info: NodeInfo | undefined, port: string): string | null {
  return info?.outputs.find(({ name }) => name === port)?.spec ?? null;
}
