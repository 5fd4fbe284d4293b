import type { Spots } from "./bends";

const ROUNDS = 24;
/** Rounds without fewer crossings after which there will be none. */
const STALE = 4;
/** How often all neighbours may change places in a round. */
const EXCHANGES = 4;
/** Two spots with more pairs of wires than this are left as they are. */
const PAIRS = 10_000;

/**
 * Puts the spots of each column into an order in which few wires cross, and keeps it in `spots.columns`.
 *
 * Begins with the order in which a walk along the wires meets them; then each column in turn is sorted by the mean
 * place of its neighbours in the column before it, or after it, to and fro; then neighbours change places where that
 * helps. The best of all rounds stays. Yields the share that is done.
 */
export function* ordered(spots: Spots): Generator<number> {
  walk(spots);
  const { columns } = spots;
  const at = new Array<number>(spots.layer.length); // the place of each spot in its column
  const number = (column: readonly number[]) => column.forEach((spot, index) => (at[spot] = index));
  columns.forEach(number);
  let best = { crossings: crossings(spots, at), columns: columns.map((column) => [...column]) };
  for (let round = 0, stale = 0; round < ROUNDS && stale < STALE && best.crossings > 0; round++) {
    const forwards = round % 2 === 0;
    for (const column of forwards ? columns.slice(1) : columns.slice(0, -1).reverse()) {
      sort(spots, column, at, forwards);
      number(column);
      yield round / ROUNDS;
    }
    if (!forwards) yield* exchange(spots, at, round / ROUNDS);
    const found = crossings(spots, at);
    stale = found < best.crossings ? 0 : stale + 1;
    if (found < best.crossings) best = { crossings: found, columns: columns.map((column) => [...column]) };
  }
  spots.columns = best.columns;
}

/** Fills the columns in the order in which a walk along the wires meets the spots, from the left. */
function walk(spots: Spots): void {
  const met = new Array<boolean>(spots.layer.length).fill(false);
  const starts = Array.from({ length: spots.items }, (_, item) => item);
  for (const start of starts.sort((a, b) => spots.layer[a]! - spots.layer[b]!)) {
    const stack = [start];
    while (stack.length > 0) {
      const spot = stack.pop()!;
      if (met[spot]) continue;
      met[spot] = true;
      spots.columns[spots.layer[spot]!]!.push(spot);
      for (const { to } of [...spots.after[spot]!].sort((a, b) => b.out - a.out || b.to - a.to)) stack.push(to);
    }
  }
}

/** Sorts a column by the mean place of what its spots are joined to; those that are joined to nothing stay. */
function sort({ before, after }: Spots, column: number[], at: readonly number[], forwards: boolean): void {
  const wish = new Map<number, number>();
  for (const spot of column) {
    const pieces = (forwards ? before : after)[spot]!;
    let sum = 0;
    for (const piece of pieces) sum += forwards ? at[piece.from]! + piece.out : at[piece.to]! + piece.in;
    wish.set(spot, pieces.length > 0 ? sum / pieces.length : at[spot]!);
  }
  column.sort((a, b) => wish.get(a)! - wish.get(b)! || at[a]! - at[b]!);
}

/** Spots that lie one above the other change places where fewer wires cross then. */
function* exchange(spots: Spots, at: number[], done: number): Generator<number> {
  for (let round = 0, better = true; better && round < EXCHANGES; round++) {
    better = false;
    for (const column of spots.columns) {
      for (let i = 1; i < column.length; i++) {
        const [upper, lower] = [column[i - 1]!, column[i]!];
        if (gain(spots, at, upper, lower) <= 0) continue;
        [column[i - 1], column[i]] = [lower, upper];
        [at[lower], at[upper]] = [i - 1, i];
        better = true;
      }
      yield done;
    }
  }
}

/** How many crossings fewer there are if two spots change places. */
function gain({ before, after }: Spots, at: readonly number[], upper: number, lower: number): number {
  let fewer = 0;
  if (before[upper]!.length * before[lower]!.length <= PAIRS)
    for (const a of before[upper]!)
      for (const b of before[lower]!) fewer += Math.sign(at[a.from]! + a.out - at[b.from]! - b.out);
  if (after[upper]!.length * after[lower]!.length <= PAIRS)
    for (const a of after[upper]!)
      for (const b of after[lower]!) fewer += Math.sign(at[a.to]! + a.in - at[b.to]! - b.in);
  return fewer;
}

/** How often pieces of wires between neighbouring columns cross. */
function crossings({ columns, after }: Spots, at: readonly number[]): number {
  let count = 0;
  for (const column of columns) {
    const ends: number[] = [];
    for (const spot of column) {
      const pieces = after[spot]!.map((piece) => ({ out: piece.out, end: at[piece.to]! + piece.in }));
      for (const { end } of pieces.sort((a, b) => a.out - b.out || a.end - b.end)) ends.push(end);
    }
    count += inversions(ends);
  }
  return count;
}

/** How many pairs stand in the wrong order: a merge sort that counts. */
function inversions(values: readonly number[]): number {
  let [from, to] = [Float64Array.from(values), new Float64Array(values.length)];
  let count = 0;
  for (let width = 1; width < values.length; width *= 2) {
    for (let start = 0; start < values.length; start += 2 * width) {
      const middle = Math.min(start + width, values.length);
      const end = Math.min(start + 2 * width, values.length);
      let [left, right] = [start, middle];
      for (let i = start; i < end; i++) {
        if (left < middle && (right >= end || from[left]! <= from[right]!)) to[i] = from[left++]!;
        else {
          to[i] = from[right++]!;
          count += middle - left;
        }
      }
    }
    [from, to] = [to, from];
  }
  return count;
}
