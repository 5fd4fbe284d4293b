import { edgeId } from "./document";
import type { FlowEdge } from "./flow";
import { scopePath } from "./scopes";
import type { Session } from "./session";

interface Selection {
  nodes: string[];
  edges: string[];
}

/** What would be selected by a press on an element of the canvas; null where there is no node and no wire. */
export function selectionAt(element: Element, getEdge: (id: string) => FlowEdge | undefined): Selection | null {
  const drawn = element.closest<HTMLElement>(".react-flow__node, .react-flow__edge");
  const id = drawn?.dataset.id;
  if (!drawn || id === undefined) return null;
  if (drawn.matches(".react-flow__node")) return { nodes: [id], edges: [] };
  return { nodes: [], edges: getEdge(id)?.data?.edges.map(edgeId) ?? [] };
}

/** Whether all of it is selected. */
export function isSelected(session: Session, { nodes, edges }: Selection): boolean {
  return nodes.every((id) => session.selectedNodes.has(id)) && edges.every((id) => session.selectedEdges.has(id));
}

/** Select this alone. */
export function selectOnly(session: Session, { nodes, edges }: Selection, name: string): void {
  session.select(nodes, edges);
  session.store.announce(`${name} selected`);
}

/** Add it to what is selected, or take it away from that. */
export function toggleSelected(session: Session, { nodes, edges }: Selection, name: string): void {
  const off = isSelected(session, { nodes, edges });
  const toggled = (before: ReadonlySet<string>, ids: readonly string[]) =>
    off ? [...before].filter((id) => !ids.includes(id)) : [...before, ...ids];
  session.select(toggled(session.selectedNodes, nodes), toggled(session.selectedEdges, edges));
  const total = session.selectedNodes.size + session.selectedEdges.size;
  session.store.announce(`${name} ${off ? "no longer selected" : "selected"}, ${total} in all`);
}

/** What a drawn thing is called: a node or a scope by its name, a wire by its ends. */
export function nameOf(session: Session, { nodes, edges }: Selection): string {
  const { view } = session.store;
  const [id] = nodes;
  if (nodes.length + edges.length > 1) return `${nodes.length + edges.length} things`;
  if (id !== undefined) return scopePath(id) ?? view.nodes.get(id)?.name ?? "node";
  const edge = view.edges.find((edge) => edgeId(edge) === edges[0]);
  if (!edge) return "nothing";
  return `Wire from ${view.nodes.get(edge.source)?.name} to ${edge.target_port} of ${view.nodes.get(edge.target)?.name}`;
}
