import type { Box } from "./place";
import { type Plane, planeOf, type Shown } from "./room";
import { parentOf, type Scope, type ScopeTree, scopeId, scopePath } from "./scopes";

/** Room around what is in a scope, in pixels at zoom 1; layout.py leaves the same. */
export const SIDE = 24;
export const TITLE = 44;
export const BOTTOM = 20;

export interface Point {
  x: number;
  y: number;
}

export interface Size {
  width: number;
  height: number;
}

/** Where everything that is to be seen is shown, by id on the canvas. What a folded scope holds is not in it. */
export interface Arrangement {
  boxes: ReadonlyMap<string, Box>;
  /** For the top ("") and each open scope: where a point of the document that lies directly in it is shown. */
  frames: ReadonlyMap<string, Frame>;
}

interface Frame {
  plane: Plane;
  dx: number;
  dy: number;
}

/** What an arrangement is made from: the boxes of nodes in the document, and the scopes, of which some are folded. */
export interface Plan {
  nodes: ReadonlyMap<string, Box>;
  top: readonly string[];
  tree: ScopeTree;
  /** The size of a folded scope; null if it is open. */
  folded(path: string): Size | null;
}

/** Shows everything where the document has it, but closes the gaps that folded scopes leave. */
export function arrange(plan: Plan): Arrangement {
  const all = documentBoxes(plan);
  const sizes = new Map<string, Size>();
  const inner = new Map<string, { plane: Plane; places: Map<string, Point>; corner: Point }>();
  const draw = (path: string, items: readonly string[]): Size => {
    const shown = items.map((id) => ({ id, box: all.get(id)!, ...(sizes.get(id) ?? sizeOf(all.get(id)!)) }));
    const plane = planeOf(shown);
    const isFolded = (id: string) => scopePath(id) !== null && plan.folded(scopePath(id)!) !== null;
    const places = new Map(shown.map((item) => [item.id, placeOn(plane, item, isFolded(item.id))]));
    const points = [...places.values()];
    const corner = { x: Math.min(...points.map(({ x }) => x)), y: Math.min(...points.map(({ y }) => y)) };
    inner.set(path, { plane, places, corner });
    const right = Math.max(...shown.map(({ id, width }) => places.get(id)!.x + width));
    const bottom = Math.max(...shown.map(({ id, height }) => places.get(id)!.y + height));
    return { width: right - corner.x + 2 * SIDE, height: bottom - corner.y + TITLE + BOTTOM };
  };
  for (const scope of [...plan.tree.values()].reverse())
    sizes.set(scopeId(scope.path), plan.folded(scope.path) ?? draw(scope.path, itemsOf(scope)));
  draw("", topItems(plan));
  return spread(plan, inner, sizes, all);
}

/** From the top inwards: what lies in a scope moves with it. */
function spread(
  plan: Plan,
  inner: ReadonlyMap<string, { plane: Plane; places: Map<string, Point>; corner: Point }>,
  sizes: ReadonlyMap<string, Size>,
  all: ReadonlyMap<string, Box>,
): Arrangement {
  const boxes = new Map<string, Box>();
  const frames = new Map<string, Frame>();
  const show = (path: string, dx: number, dy: number): void => {
    const { plane, places } = inner.get(path)!;
    frames.set(path, { plane, dx, dy });
    for (const [id, { x, y }] of places) {
      const box = { x: x + dx, y: y + dy, ...(sizes.get(id) ?? sizeOf(all.get(id)!)) };
      boxes.set(id, box);
      const scope = scopePath(id);
      if (scope === null || plan.folded(scope)) continue;
      const { corner } = inner.get(scope)!;
      show(scope, box.x + SIDE - corner.x, box.y + TITLE - corner.y);
    }
  };
  show("", 0, 0);
  return { boxes, frames };
}

/** The corner at which an item is shown: at the left of its stretch, level with what it holds in the document. */
function placeOn({ x, y }: Plane, { box, height }: Shown, folded: boolean): Point {
  const left = Math.round(x.to(box.x));
  if (height === box.height) return { x: left, y: Math.round(y.to(box.y)) };
  const lowest = y.to(box.y + box.height) - height;
  const level = y.to(box.y + middleOf(box.height)) - (folded ? height / 2 : middleOf(height));
  return { x: left, y: Math.round(Math.max(y.to(box.y), Math.min(lowest, level))) };
}

/** Where the middle of what an open scope of that height holds lies, from its top. */
function middleOf(height: number): number {
  return TITLE + (height - TITLE - BOTTOM) / 2;
}

/** The box of every node and scope in the document, by id on the canvas. */
function documentBoxes({ nodes, tree }: Plan): Map<string, Box> {
  const all = new Map(nodes);
  for (const scope of [...tree.values()].reverse()) {
    const box = around(itemsOf(scope).map((id) => all.get(id)!));
    all.set(scopeId(scope.path), box);
  }
  return all;
}

/** The box of a scope that holds these. */
export function around(boxes: readonly Box[]): Box {
  const left = Math.min(...boxes.map(({ x }) => x));
  const top = Math.min(...boxes.map(({ y }) => y));
  const right = Math.max(...boxes.map(({ x, width }) => x + width));
  const bottom = Math.max(...boxes.map(({ y, height }) => y + height));
  return { x: left - SIDE, y: top - TITLE, width: right - left + 2 * SIDE, height: bottom - top + TITLE + BOTTOM };
}

function itemsOf({ own, scopes }: Scope): string[] {
  return [...own, ...scopes.map(scopeId)];
}

function topItems({ top, tree }: Plan): string[] {
  return [...top, ...[...tree.values()].filter(({ depth }) => depth === 1).map(({ path }) => scopeId(path))];
}

function sizeOf({ width, height }: Box): Size {
  return { width, height };
}

/** The point of the document that is shown at a place, for something directly in a scope. */
export function documentPoint({ frames }: Arrangement, scope: string, { x, y }: Point): Point {
  const frame = frames.get(scope) ?? frames.get("")!;
  return { x: frame.plane.x.from(x - frame.dx), y: frame.plane.y.from(y - frame.dy) };
}

/** How far an item is shown from where it should be before its place in the document is thought again, in pixels. */
const CLOSE = 1;
const ROUNDS = 4;

/**
 * Where nodes must be in the document so that the items of these ids are shown at these places. What shares a row or a
 * column with a folded scope keeps that from closing, so the first answer is checked, and mended.
 */
export function documentPlaces(
  plan: Plan,
  scopeOf: (node: string) => string,
  wanted: ReadonlyMap<string, Point>,
): Map<string, Point> {
  const arrangement = arrange(plan);
  const rest = arrange(without(plan, wanted));
  const all = documentBoxes(plan);
  const offsets = new Map<string, Point>();
  for (const [id, place] of wanted) {
    const path = scopePath(id);
    const scope = path === null ? scopeOf(id) : parentOf(path);
    const frame = arrangement.frames.get(scope);
    const plane = (rest.frames.get(scope) ?? frame)?.plane;
    const box = all.get(id);
    if (!frame || !plane || !box) continue;
    offsets.set(id, { x: plane.x.from(place.x - frame.dx) - box.x, y: plane.y.from(place.y - frame.dy) - box.y });
  }
  for (let round = 0; round < ROUNDS; round++) {
    const { boxes } = arrange({ ...plan, nodes: shifted(plan, offsets) });
    let close = true;
    for (const [id, offset] of offsets) {
      const shown = boxes.get(id);
      const place = wanted.get(id)!;
      if (!shown || (Math.abs(place.x - shown.x) <= CLOSE && Math.abs(place.y - shown.y) <= CLOSE)) continue;
      close = false;
      offsets.set(id, { x: offset.x + place.x - shown.x, y: offset.y + place.y - shown.y });
    }
    if (close) break;
  }
  const moved = shifted(plan, offsets);
  const places = [...moved].filter(([id, box]) => box !== plan.nodes.get(id));
  return new Map(places.map(([id, { x, y }]) => [id, { x: Math.round(x), y: Math.round(y) }]));
}

/** The nodes with these offsets; that of a scope holds for all nodes in it that have none of their own. */
function shifted({ nodes, tree }: Plan, offsets: ReadonlyMap<string, Point>): Map<string, Box> {
  const moved = new Map(nodes);
  const move = (id: string, { x, y }: Point): void => {
    const box = nodes.get(id);
    if (box) moved.set(id, { ...box, x: box.x + x, y: box.y + y });
  };
  for (const scope of tree.values()) {
    const offset = offsets.get(scopeId(scope.path));
    if (offset) for (const id of scope.nodes) move(id, offset);
  }
  for (const [id, offset] of offsets) if (scopePath(id) === null) move(id, offset);
  return moved;
}

/** The plan with the nodes of these ids taking no room. */
function without(plan: Plan, ids: ReadonlyMap<string, unknown>): Plan {
  const nodes = new Map(plan.nodes);
  for (const id of ids.keys()) {
    const box = nodes.get(id);
    if (box) nodes.set(id, { ...box, width: 0, height: 0 });
  }
  return { ...plan, nodes };
}
