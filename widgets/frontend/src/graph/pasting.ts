import type { Point } from "./arrangement";
import { duplicated, type Paste, parsed, pasted, type Piece, pieceOf } from "./clipboard";
import { count } from "./numbers";
import { type Box, free } from "./place";
import { parentOf, scopePath } from "./scopes";
import type { Session } from "./session";
import { sizeOf } from "./useAddNode";

/** Put the nodes that a text holds at a point of the canvas, or else beside where they were. Where they are shown. */
export function paste(session: Session, text: string, point: Point | null): Box {
  const piece = parsed(text);
  const { store, maker } = session;
  const box = boxOf(session, piece);
  const scope = point ? maker.scopeAt(point) : scopeOfSelection(session);
  const wanted = point ? { ...box, x: point.x - box.width / 2, y: point.y - box.height / 2 } : box;
  const shown = point ? wanted : free(wanted, maker.obstacles(scope));
  add(session, pasted(store.view, piece, scope, shiftOf(session, scope, box, shown)), "pasted");
  return shown;
}

/** Put a copy of what is selected beside it; wires from others lead to the copy too. Where it is shown. */
export function duplicate(session: Session): Box | null {
  const { store, maker } = session;
  const piece = pieceOf(store.view, session.selectedNodes);
  if (piece.nodes.length === 0) return null;
  const box = boxOf(session, piece);
  const scope = scopeOfSelection(session);
  const shown = free(box, maker.obstacles(scope));
  add(session, duplicated(store.view, session.selectedNodes, shiftOf(session, scope, box, shown)), "duplicated");
  return shown;
}

/** Add copies as one edit, and select them. */
function add(session: Session, { patch, selection }: Paste, done: string): void {
  const nodes = patch.filter(({ op }) => op === "add_node").length;
  session.store.edit(patch);
  session.store.announce(`${count(nodes, "node")} ${done}`);
  session.select(selection);
}

/** How far nodes move in the document for their box to be shown there. */
export function shiftOf({ maker }: Session, scope: string, box: Box, shown: Box): Point {
  const { x, y } = maker.documentPoint(scope, shown);
  return { x: x - box.x, y: y - box.y };
}

/** The box around nodes in the document; those without a place do not count. */
export function boxOf({ store }: Session, { nodes }: Piece): Box {
  const boxes = nodes.flatMap((node): Box[] => {
    const { x, y } = node;
    return x === null || y === null ? [] : [{ x, y, ...sizeOf(node, store.kinds.get(node.kind)) }];
  });
  if (boxes.length === 0) return { x: 0, y: 0, width: 0, height: 0 };
  const left = boxes.reduce((least, { x }) => Math.min(least, x), Infinity);
  const top = boxes.reduce((least, { y }) => Math.min(least, y), Infinity);
  const right = boxes.reduce((most, { x, width }) => Math.max(most, x + width), -Infinity);
  const bottom = boxes.reduce((most, { y, height }) => Math.max(most, y + height), -Infinity);
  return { x: left, y: top, width: right - left, height: bottom - top };
}

/** The scope that all that is selected lies in; "" if there is none. */
function scopeOfSelection({ store, selectedNodes }: Session): string {
  const scopes = [...selectedNodes].map((id) => {
    const path = scopePath(id);
    return path === null ? (store.view.nodes.get(id)?.scope ?? "") : parentOf(path);
  });
  return scopes.every((scope) => scope === scopes[0]) ? (scopes[0] ?? "") : "";
}
