import type { Change, EdgeDoc, NodeDoc } from "../wire";

/** The nodes and edges of a graph. Never changed in place: `applyPatch` makes the next one and shares the rest. */
export interface GraphDoc {
  nodes: ReadonlyMap<string, NodeDoc>;
  edges: readonly EdgeDoc[];
}

/** A patch does not apply to this document: what it names is missing, or what it adds is there already. */
export class PatchError extends Error {}

export function documentOf(nodes: readonly NodeDoc[], edges: readonly EdgeDoc[]): GraphDoc {
  return { nodes: new Map(nodes.map((node) => [node.id, node])), edges };
}

/** `doc` after the changes of `patch`, in order. Throws PatchError, with `doc` as it was, when one does not apply. */
export function applyPatch(doc: GraphDoc, patch: readonly Change[]): GraphDoc {
  let nodes = new Map(doc.nodes);
  let edges = doc.edges;
  for (const change of patch) {
    switch (change.op) {
      case "add_node":
        if (nodes.has(change.node.id)) throw new PatchError(`node ${change.node.id} is there already`);
        nodes.set(change.node.id, change.node);
        break;
      case "remove_node":
        existing(nodes, change.id);
        if (edges.some((edge) => edge.source === change.id || edge.target === change.id))
          throw new PatchError(`node ${change.id} has edges left`);
        nodes.delete(change.id);
        break;
      case "connect":
        existing(nodes, change.edge.source);
        existing(nodes, change.edge.target);
        if (edges.some((edge) => sameTarget(edge, change.edge)))
          throw new PatchError(`port ${change.edge.target_port} of ${change.edge.target} is taken`);
        edges = [...edges, change.edge];
        break;
      case "disconnect": {
        const left = edges.filter((edge) => !sameEdge(edge, change.edge));
        if (left.length === edges.length) throw new PatchError(`no edge ${edgeId(change.edge)}`);
        edges = left;
        break;
      }
      case "reorder":
        nodes = reordered(nodes, change.ids);
        break;
      case "describe":
        break; // says nothing of nodes and edges
      default:
        nodes.set(change.id, changeNode(existing(nodes, change.id), change));
    }
  }
  return { nodes, edges };
}

type NodeChange = Exclude<Change, { op: "add_node" | "remove_node" | "connect" | "disconnect" | "reorder" | "describe" }>;

function changeNode(node: NodeDoc, change: NodeChange): NodeDoc {
  switch (change.op) {
    case "set_param":
      return { ...node, params: { ...node.params, [change.key]: change.value } };
    case "reset_param": {
      const { [change.key]: _, ...params } = node.params;
      return { ...node, params };
    }
    case "rename":
      return { ...node, name: change.name };
    case "move":
      return { ...node, x: change.x, y: change.y };
    case "set_note":
      return { ...node, note: change.note };
    case "set_bypassed":
      return { ...node, bypassed: change.bypassed };
    case "set_scope":
      return { ...node, scope: change.scope };
  }
}

/** `ids` in this order, in the places that they have among the nodes. */
function reordered(nodes: ReadonlyMap<string, NodeDoc>, ids: readonly string[]): Map<string, NodeDoc> {
  const moved = ids.map((id) => existing(nodes, id));
  const which = new Set(ids);
  let next = 0;
  const order = [...nodes.values()].map((node) => (which.has(node.id) ? moved[next++]! : node));
  return new Map(order.map((node) => [node.id, node]));
}

function existing(nodes: ReadonlyMap<string, NodeDoc>, id: string): NodeDoc {
  const node = nodes.get(id);
  if (!node) throw new PatchError(`no node ${id}`);
  return node;
}

/** An input port takes one edge, so its target identifies an edge. */
export function edgeId(edge: EdgeDoc): string {
  return `${edge.target}:${edge.target_port}`;
}

export function sameTarget(a: EdgeDoc, b: EdgeDoc): boolean {
  return a.target === b.target && a.target_port === b.target_port;
}

export function sameEdge(a: EdgeDoc, b: EdgeDoc): boolean {
  return sameTarget(a, b) && a.source === b.source && a.source_port === b.source_port;
}
