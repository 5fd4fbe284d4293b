import { BOTTOM, SIDE, TITLE } from "../arrangement";
import { ancestors, scopeId, scopePath } from "../scopes";
import { layered } from "./layered";
import type { Item, Place, Sketch, Wire } from "./sketch";

/** What lies directly in a scope: nodes by id and scopes by the ids of their boxes, and the wires between them. */
interface Inside {
  ids: string[];
  index: Map<string, number>;
  wires: { wire: number; source: number; target: number }[];
}

/**
 * The upper left corner of every node, by id, the least of them at 0.
 *
 * Scopes are laid out from the inside out: each is drawn by itself, and is one box to the scope around it, so boxes cover
 * neither each other nor what is not theirs. Yields the share of the work that is done, between pieces of it that take a few milliseconds.
 */
export function* layout(sketch: Sketch): Generator<number, Map<string, Place>> {
  const scopes = insides(sketch);
  const known = new Map<string, Item>(sketch.nodes.map((node) => [node.id, node]));
  const inner = new Map<string, Map<string, Place>>();
  const total = Math.max(1, [...scopes.values()].reduce((sum, { ids }) => sum + ids.length, 0));
  let done = 0;
  for (const [path, { ids, wires }] of [...scopes].reverse()) {
    const items = ids.map((id) => known.get(id)!);
    const drawing = layered(items, wires.map((wire) => ended(sketch, inner, ids, wire)));
    let step = drawing.next();
    for (; !step.done; step = drawing.next()) yield (done + ids.length * step.value) / total;
    done += ids.length;
    const places = step.value;
    inner.set(path, new Map(ids.map((id, i) => [id, places[i]!])));
    const right = places.reduce((most, { x }, i) => Math.max(most, x + items[i]!.width), 0);
    const bottom = places.reduce((most, { y }, i) => Math.max(most, y + items[i]!.height), 0);
    known.set(scopeId(path), { width: right + 2 * SIDE, height: bottom + TITLE + BOTTOM, edge: null });
  }
  return spread(inner);
}

/** The items of each scope that holds something, outer scopes first. */
function insides({ nodes, wires }: Sketch): Map<string, Inside> {
  const scopes = new Map<string, Inside>([["", { ids: [], index: new Map(), wires: [] }]]);
  const indexIn = (path: string, id: string): number => {
    let scope = scopes.get(path);
    if (!scope) scopes.set(path, (scope = { ids: [], index: new Map(), wires: [] }));
    const known = scope.index.get(id);
    if (known !== undefined) return known;
    scope.index.set(id, scope.ids.length);
    return scope.ids.push(id) - 1;
  };
  const chains = nodes.map(({ id, scope }) => [...ancestors(scope).map(scopeId), id]);
  for (const chain of chains) chain.forEach((id, i) => indexIn(i === 0 ? "" : scopePath(chain[i - 1]!)!, id));
  wires.forEach(({ source, target }, wire) => {
    const [from, to] = [chains[source]!, chains[target]!];
    const shared = from.findIndex((id, i) => id !== to[i]);
    if (shared < 0 || to[shared] === undefined) return;
    const path = shared === 0 ? "" : scopePath(from[shared - 1]!)!;
    const ends = { source: indexIn(path, from[shared]!), target: indexIn(path, to[shared]) };
    scopes.get(path)!.wires.push({ wire, ...ends });
  });
  return new Map([...scopes].sort(([a], [b]) => depthOf(a) - depthOf(b)));
}

function depthOf(path: string): number {
  return ancestors(path).length;
}

/** A wire between two items of a scope, with where it leaves and enters them: if those are scopes, at a node in them. */
function ended(
  { nodes, wires }: Sketch,
  inner: ReadonlyMap<string, ReadonlyMap<string, Place>>,
  ids: readonly string[],
  { wire, source, target }: Inside["wires"][number],
): Wire {
  const depthIn = (item: string, node: Sketch["nodes"][number]): number => {
    const outer = scopePath(item);
    if (outer === null) return 0;
    const around = ancestors(node.scope).filter((path) => path.length >= outer.length);
    const chain = [...around.map(scopeId), node.id];
    return around.reduce((sum, path, i) => sum + TITLE + inner.get(path)!.get(chain[i + 1]!)!.y, 0);
  };
  const ends = wires[wire]!;
  const fromTop = depthIn(ids[source]!, nodes[ends.source]!);
  const toTop = depthIn(ids[target]!, nodes[ends.target]!);
  return { source, target, out: fromTop + ends.out, in: toTop + ends.in, fromTop, toTop };
}

/** From the top inwards: what lies in a scope lies in its box. */
function spread(inner: ReadonlyMap<string, ReadonlyMap<string, Place>>): Map<string, Place> {
  const all = new Map<string, Place>();
  const put = (path: string, dx: number, dy: number): void => {
    for (const [id, { x, y }] of inner.get(path) ?? []) {
      const scope = scopePath(id);
      if (scope === null) all.set(id, { x: x + dx, y: y + dy });
      else put(scope, x + dx + SIDE, y + dy + TITLE);
    }
  };
  put("", 0, 0);
  return all;
}
