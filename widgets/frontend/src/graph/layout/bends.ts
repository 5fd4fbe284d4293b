import type { Layers } from "./layers";
import type { Item } from "./sketch";

/** A piece of a wire, from a spot to one in the next column. Its ends are shares of the heights of the two. */
export interface Piece {
  from: number;
  to: number;
  out: number;
  in: number;
}

/**
 * Spots in columns: first the items, then the bends of wires that pass a column. `before` and `after` are the pieces of
 * wire that end and begin at each spot.
 */
export interface Spots {
  items: number;
  layer: number[];
  columns: number[][];
  before: Piece[][];
  after: Piece[][];
}

/** There are at most so many bends for each item; where that is too few, the longest wires are left out of account. */
const MOST = 12;
const LEAST = 2000;

/** A bend in every column that a wire passes; wires from one port share theirs. */
export function spotsOf(items: readonly Item[], { layer, count, wires }: Layers): Spots {
  const spots: Spots = {
    items: items.length,
    layer: [...layer],
    columns: Array.from({ length: count }, () => []),
    before: items.map(() => []),
    after: items.map(() => []),
  };
  const join = (from: number, to: number, out: number, into: number): void => {
    const share = (spot: number, depth: number): number => (spot < items.length ? depth / (items[spot]!.height + 1) : 0.5);
    const piece = { from, to, out: share(from, out), in: share(to, into) };
    spots.after[from]!.push(piece);
    spots.before[to]!.push(piece);
  };
  const bend = (column: number): number => {
    spots.layer.push(column);
    spots.before.push([]);
    return spots.after.push([]) - 1;
  };
  const most = items.length + Math.max(LEAST, MOST * items.length);
  const chains = new Map<string, number[]>(); // the bends of a port's wires, in the columns after it
  const byLength = wires.map((wire) => ({ wire, bends: layer[wire.target]! - layer[wire.source]! - 1 }));
  for (const { wire, bends } of byLength.sort((a, b) => a.bends - b.bends)) {
    const key = `${wire.source}:${wire.out}`;
    const chain = chains.get(key) ?? [];
    chains.set(key, chain);
    if (spots.layer.length + bends - chain.length > most) break;
    while (chain.length < bends) {
      const made = bend(layer[wire.source]! + chain.length + 1);
      join(chain.at(-1) ?? wire.source, made, wire.out, 0);
      chain.push(made);
    }
    join(bends > 0 ? chain[bends - 1]! : wire.source, wire.target, wire.out, wire.in);
  }
  return spots;
}
