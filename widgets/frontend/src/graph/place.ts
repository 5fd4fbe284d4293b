import type { EdgeDoc, NodeDoc } from "../wire";

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export const GAP_X = 72;
const GAP_Y = 24;

/**
 * Places for nodes that have none yet: each to the right of what feeds it, where it covers no other node.
 *
 * `boxes` holds the nodes that have their places; the new ones are added to it.
 */
export function place(
  unplaced: readonly NodeDoc[],
  edges: readonly EdgeDoc[],
  boxes: Map<string, Box>,
  sizeOf: (node: NodeDoc) => { width: number; height: number },
): void {
  for (const node of inOrder(unplaced, edges)) {
    const sources = edges.filter((edge) => edge.target === node.id).flatMap((edge) => boxes.get(edge.source) ?? []);
    const start =
      sources.length > 0
        ? {
            x: Math.max(...sources.map((box) => box.x + box.width)) + GAP_X,
            y: sources.reduce((sum, box) => sum + box.y, 0) / sources.length,
          }
        : { x: Math.min(...[...boxes.values()].map((box) => box.x), boxes.size > 0 ? Infinity : 0), y: 0 };
    boxes.set(node.id, free({ ...start, ...sizeOf(node) }, boxes.values()));
  }
}

/** The box around all of these; null if there are none. It has an extent even if they have not. */
export function boundsOf(boxes: readonly Box[]): Box | null {
  if (boxes.length === 0) return null;
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { x, y, width, height } of boxes) {
    left = Math.min(left, x);
    top = Math.min(top, y);
    right = Math.max(right, x + width);
    bottom = Math.max(bottom, y + height);
  }
  return { x: left, y: top, width: Math.max(1, right - left), height: Math.max(1, bottom - top) };
}

/** The box, moved down until it covers none of the others. */
export function free(box: Box, others: Iterable<Box>): Box {
  const sorted = [...others].sort((a, b) => a.y - b.y);
  let y = box.y;
  for (const other of sorted) if (overlap({ ...box, y }, other)) y = other.y + other.height + GAP_Y;
  return { ...box, y };
}

function overlap(a: Box, b: Box): boolean {
  return (
    a.x < b.x + b.width + GAP_Y &&
    b.x < a.x + a.width + GAP_Y &&
    a.y < b.y + b.height + GAP_Y &&
    b.y < a.y + a.height + GAP_Y
  );
}

/** Sources before what they feed; a cycle is cut where it is met. */
function inOrder(nodes: readonly NodeDoc[], edges: readonly EdgeDoc[]): NodeDoc[] {
  const left = new Map(nodes.map((node) => [node.id, node]));
  const ordered: NodeDoc[] = [];
  const sources = new Map<string, string[]>();
  for (const edge of edges) sources.set(edge.target, [...(sources.get(edge.target) ?? []), edge.source]);
  const visit = (node: NodeDoc): void => {
    if (!left.delete(node.id)) return;
    for (const id of sources.get(node.id) ?? []) {
      const source = left.get(id);
      if (source) visit(source);
    }
    ordered.push(node);
  };
  nodes.forEach(visit);
  return ordered;
}
