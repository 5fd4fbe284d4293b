import type { Item, Wire } from "./sketch";

/** The column of each item, counted from the left, and the wires that lead to the right. */
export interface Layers {
  layer: number[];
  count: number;
  wires: Wire[];
}

/**
 * Columns by the longest path from the left. What nothing feeds stands beside its first reader, with all that is read
 * by it alone; what begins a zone has the first column for itself, what ends it the last.
 */
export function layersOf(items: readonly Item[], wires: readonly Wire[]): Layers {
  const order = inOrder(items.length, wires);
  const rank = new Array<number>(items.length);
  order.forEach((item, index) => (rank[item] = index));
  const forwards = wires.filter(({ source, target }) => rank[source]! < rank[target]!);
  const before = neighbours(items.length, forwards, (wire) => [wire.target, wire.source]);
  const after = neighbours(items.length, forwards, (wire) => [wire.source, wire.target]);

  const begun = items.some(({ edge }) => edge === "first");
  const layer = new Array<number>(items.length).fill(0);
  const floats = new Array<boolean>(items.length).fill(false); // nothing but what it feeds holds it where it is
  for (const item of order) {
    const { edge } = items[item]!;
    layer[item] = begun && edge !== "first" ? 1 : 0;
    for (const source of before[item]!) layer[item] = Math.max(layer[item]!, layer[source]! + 1);
    floats[item] = edge !== "first" && before[item]!.every((source) => floats[source] && after[source]!.length === 1);
  }
  for (const item of [...order].reverse())
    if (floats[item] && after[item]!.length > 0) layer[item] = least(after[item]!.map((reader) => layer[reader]!)) - 1;

  let last = 0;
  items.forEach(({ edge }, item) => edge !== "last" && (last = Math.max(last, layer[item]! + 1)));
  items.forEach(({ edge }, item) => {
    if (edge === "last" && after[item]!.length === 0) layer[item] = Math.max(layer[item]!, last);
  });
  return packed(layer, forwards);
}

/** The items, each after those that it reads from; of those that read from each other the first one goes first. */
function inOrder(count: number, wires: readonly Wire[]): number[] {
  const readers = neighbours(count, wires, (wire) => [wire.source, wire.target]);
  const met = new Array<boolean>(count).fill(false);
  const order: number[] = [];
  for (let first = 0; first < count; first++) {
    if (met[first]) continue;
    met[first] = true;
    const stack = [{ item: first, next: 0 }];
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      const reader = readers[top.item]![top.next++];
      if (reader === undefined) order.push(stack.pop()!.item);
      else if (!met[reader]) {
        met[reader] = true;
        stack.push({ item: reader, next: 0 });
      }
    }
  }
  return order.reverse();
}

function neighbours(count: number, wires: readonly Wire[], ends: (wire: Wire) => [number, number]): number[][] {
  const found = Array.from({ length: count }, (): number[] => []);
  for (const wire of wires) {
    const [of, neighbour] = ends(wire);
    found[of]!.push(neighbour);
  }
  return found;
}

/** Without columns that nothing stands in. */
function packed(layer: readonly number[], wires: Wire[]): Layers {
  const used = [...new Set(layer)].sort((a, b) => a - b);
  const index = new Map(used.map((old, now) => [old, now]));
  return { layer: layer.map((old) => index.get(old)!), count: used.length, wires };
}

function least(values: readonly number[]): number {
  return values.reduce((a, b) => Math.min(a, b), Infinity);
}
