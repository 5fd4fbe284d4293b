import type { Item, Wire } from "./sketch";

/** The gap between two items of a column. */
const GAP = 28;
const ROUNDS = 8;
/** How much an item without wires on one side holds on to its place. */
const LOOSE = 0.1;

/**
 * The top of each item, in the order of its column: each near to where its wires would be straight, as near as the
 * others of its column allow (least squares).
 */
export function* heightsOf(
  items: readonly Item[],
  wires: readonly Wire[],
  columns: readonly (readonly number[])[],
): Generator<undefined, number[]> {
  const before = items.map((): Wire[] => []);
  const after = items.map((): Wire[] => []);
  for (const wire of wires) {
    before[wire.target]!.push(wire);
    after[wire.source]!.push(wire);
  }
  const top = new Array<number>(items.length).fill(0);
  const settle = (column: readonly number[], forwards: boolean): void => {
    const [wishes, weights]: [number[], number[]] = [[], []];
    let depth = 0; // of the item, if all stood as close as they may
    for (const item of column) {
      const pulling = (forwards ? before : after)[item]!;
      let sum = 0;
      for (const { source, target, fromTop, toTop } of pulling)
        sum += forwards ? top[source]! + fromTop - toTop : top[target]! + toTop - fromTop;
      wishes.push((pulling.length > 0 ? sum / pulling.length : top[item]!) - depth);
      weights.push(pulling.length > 0 ? 1 : LOOSE);
      depth += items[item]!.height + GAP;
    }
    const risen = rising(wishes, weights);
    depth = 0;
    column.forEach((item, i) => {
      top[item] = risen[i]! + depth;
      depth += items[item]!.height + GAP;
    });
  };
  for (let round = 0; round < ROUNDS; round++) {
    const forwards = round % 2 === 0;
    for (const column of forwards ? columns : [...columns].reverse()) settle(column, forwards);
    yield;
  }
  return top;
}

/** The rising sequence nearest to these values, by least squares: neighbours that fall are pooled into their mean. */
function rising(values: readonly number[], weights: readonly number[]): number[] {
  const pools: { mean: number; weight: number; count: number }[] = [];
  values.forEach((value, i) => {
    let pool = { mean: value, weight: weights[i]!, count: 1 };
    for (let last = pools.at(-1); last && last.mean > pool.mean; last = pools.at(-1)) {
      pools.pop();
      const weight = last.weight + pool.weight;
      const mean = (last.mean * last.weight + pool.mean * pool.weight) / weight;
      pool = { mean, weight, count: last.count + pool.count };
    }
    pools.push(pool);
  });
  return pools.flatMap(({ mean, count }) => new Array<number>(count).fill(mean));
}
