import { spotsOf } from "./bends";
import { heightsOf } from "./heights";
import { layersOf } from "./layers";
import { ordered } from "./order";
import type { Item, Place, Wire } from "./sketch";

const GAP_X = 96;
/** The share of the work that goes into the order. */
const ORDER = 0.8;

/**
 * Corners for the items of one scope, the least of them at 0: columns from left to right along the wires, ordered for
 * few crossings, at heights that make wires straight (Sugiyama's layered drawing). Yields the share that is done.
 */
export function* layered(items: readonly Item[], wires: readonly Wire[]): Generator<number, Place[]> {
  const { layer, count, wires: forwards } = layersOf(items, wires);
  const spots = spotsOf(items, { layer, count, wires: forwards });
  yield 0;
  for (const share of ordered(spots)) yield ORDER * share;
  const columns = spots.columns.map((column) => column.filter((spot) => spot < items.length));
  const heights = heightsOf(items, forwards, columns);
  let step = heights.next();
  for (; !step.done; step = heights.next()) yield ORDER;
  const top = step.value;
  const least = items.reduce((least, _, item) => Math.min(least, top[item]!), Infinity);
  const left: number[] = [];
  let x = 0;
  for (const column of columns) {
    left.push(x);
    x += column.reduce((widest, item) => Math.max(widest, items[item]!.width), 0) + GAP_X;
  }
  return items.map((_, item) => ({ x: left[layer[item]!]!, y: Math.round(top[item]! - least) }));
}
