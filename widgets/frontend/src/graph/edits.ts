import { randomId } from "../host";
import type { AddNode, Change, EdgeDoc, FeatureInfo, KindInfo, NodeDoc } from "../wire";
import { type GraphDoc, sameEdge, sameTarget } from "./document";

/** A new node of a kind in a scope, its name made from the kind's label and free there. */
export function addNode(doc: GraphDoc, kind: KindInfo, x: number, y: number, scope = ""): AddNode {
  const node: NodeDoc = {
    id: `n${randomId()}`,
    kind: kind.kind,
    name: freeName(doc, kind.label, scope),
    version: kind.version,
    params: {},
    scope,
    x: Math.round(x),
    y: Math.round(y),
    note: "",
    bypassed: false,
  };
  return { op: "add_node", node };
}

/** A new input that is fed with a feature of the data. */
export function addInput(doc: GraphDoc, kind: KindInfo, feature: FeatureInfo, x: number, y: number): AddNode {
  const { node } = addNode(doc, kind, x, y);
  const { name, shape, dtype } = feature;
  return { op: "add_node", node: { ...node, name: freeName(doc, name, ""), params: { shape, dtype } } };
}

/** A feature as a spec: "float32[batch, 8, 8, 1]". */
export function specOf({ shape, dtype }: FeatureInfo): string {
  return `${dtype}[${shape.join(", ")}]`;
}

/** `base`, or `base_1`, `base_2`, ... : the first that no node in `scope` has. */
export function freeName(doc: GraphDoc, base: string, scope: string): string {
  const taken = new Set<string>();
  for (const node of doc.nodes.values()) if (node.scope === scope) taken.add(node.name);
  let name = base;
  for (let i = 1; taken.has(name); i++) name = `${base}_${i}`;
  return name;
}

/** Wire `edge`; what its input port held before is disconnected in the same step. Empty if it is there already. */
export function connect(doc: GraphDoc, edge: EdgeDoc): Change[] {
  const before = doc.edges.find((other) => sameTarget(other, edge));
  if (before && sameEdge(before, edge)) return [];
  const connected: Change = { op: "connect", edge };
  return before ? [{ op: "disconnect", edge: before }, connected] : [connected];
}

/** Take the end of `edge` to another port. */
export function reconnect(doc: GraphDoc, edge: EdgeDoc, moved: EdgeDoc): Change[] {
  if (sameEdge(edge, moved)) return [];
  if (sameTarget(edge, moved)) return connect(doc, moved);
  return [{ op: "disconnect", edge }, ...connect(doc, moved)];
}

/** Remove nodes with all their edges, and edges besides. */
export function remove(doc: GraphDoc, nodes: ReadonlySet<string>, edges: readonly EdgeDoc[]): Change[] {
  const gone = doc.edges.filter(
    (edge) => nodes.has(edge.source) || nodes.has(edge.target) || edges.some((other) => sameEdge(other, edge)),
  );
  return [
    ...gone.map((edge): Change => ({ op: "disconnect", edge })),
    ...[...nodes].filter((id) => doc.nodes.has(id)).map((id): Change => ({ op: "remove_node", id })),
  ];
}

/** Bypass these nodes, as far as they can be; have all of them compute again if none of them still does. */
export function bypass(doc: GraphDoc, kinds: ReadonlyMap<string, KindInfo>, ids: Iterable<string>): Change[] {
  const nodes = [...ids].flatMap((id) => doc.nodes.get(id) ?? []).filter(({ kind }) => kinds.get(kind)?.passes);
  const bypassed = nodes.some((node) => !node.bypassed);
  return nodes
    .filter((node) => node.bypassed !== bypassed)
    .map(({ id }): Change => ({ op: "set_bypassed", id, bypassed }));
}

/** What a patch did, in a few words for a screen reader. `doc` is the document before it. */
export function describe(doc: GraphDoc, patch: readonly Change[]): string {
  const name = (id: string): string => {
    const added = patch.find((change): change is AddNode => change.op === "add_node" && change.node.id === id);
    return added?.node.name ?? doc.nodes.get(id)?.name ?? "node";
  };
  const removed = patch.filter((change) => change.op === "remove_node");
  if (removed.length > 1) return `${removed.length} nodes removed`;
  const added = patch.filter((change) => change.op === "add_node");
  if (added.length > 1) return `${added.length} nodes added`;
  const last = removed[0] ?? patch.at(-1);
  switch (last?.op) {
    case undefined:
      return "";
    case "add_node":
      return `${last.node.name} added`;
    case "remove_node":
      return `${name(last.id)} removed`;
    case "connect":
      return `${name(last.edge.source)} connected to ${last.edge.target_port} of ${name(last.edge.target)}`;
    case "disconnect":
      return `${name(last.edge.source)} disconnected from ${name(last.edge.target)}`;
    case "set_param":
    case "reset_param":
      return `${last.key} of ${name(last.id)} changed`;
    case "rename":
      return `${name(last.id)} renamed to ${last.name}`;
    case "move":
      return patch.length > 1 ? `${patch.length} nodes moved` : `${name(last.id)} moved`;
    case "set_note":
      return `Note of ${name(last.id)} changed`;
    case "set_bypassed": {
      const what = patch.length > 1 ? `${patch.length} nodes` : name(last.id);
      return last.bypassed ? `${what} bypassed` : `${what} ${patch.length > 1 ? "compute" : "computes"} again`;
    }
    case "reorder":
      return "Order changed";
    case "describe":
      return `The graph is called ${last.name}`;
    case "set_scope": {
      const moved = patch.filter((change) => change.op === "set_scope").length;
      return `${moved > 1 ? `${moved} nodes` : name(last.id)} moved to ${last.scope || "the top"}`;
    }
  }
}
