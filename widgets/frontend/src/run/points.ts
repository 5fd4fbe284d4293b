/** How many points of a curve are held before it is thinned out. */
const LIMIT = 20_000;
/** Thinning keeps the smallest and the largest value in each of this many equal stretches of steps. */
const STRETCHES = 5_000;

/** The points of one curve, by rising step. Bounded in memory; the newest point is always kept. */
export class CurvePoints {
  /** How many points have arrived; more than `length` once the curve was thinned out. */
  received = 0;
  length = 0;
  private stepBuffer = new Float64Array(256);
  private valueBuffer = new Float64Array(256);

  get steps(): Float64Array {
    return this.stepBuffer.subarray(0, this.length);
  }

  get values(): Float64Array {
    return this.valueBuffer.subarray(0, this.length);
  }

  get lastStep(): number | null {
    return this.length > 0 ? this.stepBuffer[this.length - 1]! : null;
  }

  append(steps: Float64Array, values: Float64Array): void {
    this.reserve(this.length + steps.length);
    this.stepBuffer.set(steps, this.length);
    this.valueBuffer.set(values, this.length);
    this.length += steps.length;
    this.received += steps.length;
    if (this.length > LIMIT) this.thinOut();
  }

  private reserve(length: number): void {
    if (length <= this.stepBuffer.length) return;
    const capacity = Math.max(length, 2 * this.stepBuffer.length);
    this.stepBuffer = grown(this.stepBuffer, capacity);
    this.valueBuffer = grown(this.valueBuffer, capacity);
  }

  private thinOut(): void {
    const kept = minMax(this.steps, this.values, STRETCHES);
    this.stepBuffer.set(kept.map((i) => this.stepBuffer[i]!));
    this.valueBuffer.set(kept.map((i) => this.valueBuffer[i]!));
    this.length = kept.length;
  }
}

function grown(buffer: Float64Array, capacity: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(capacity);
  larger.set(buffer);
  return larger;
}

/**
 * Indices of the points that show the whole shape: in each of `columns` equal stretches of steps the smallest and
 * the largest value, and the first and last point of all. All of them where there are few.
 */
export function minMax(steps: Float64Array, values: Float64Array, columns: number): number[] {
  const count = steps.length;
  if (count <= 2 * columns) return Array.from({ length: count }, (_, i) => i);
  const first = steps[0]!;
  const width = (steps[count - 1]! - first) / columns || 1;
  const kept = [0];
  const keep = (index: number): void => {
    if (index > kept[kept.length - 1]!) kept.push(index);
  };
  let low = 0;
  let high = 0;
  let column = 0;
  for (let i = 0; i < count; i++) {
    const here = Math.floor((steps[i]! - first) / width);
    if (here !== column) {
      keep(Math.min(low, high));
      keep(Math.max(low, high));
      column = here;
      low = high = i;
    } else {
      if (!(values[i]! >= values[low]!)) low = i;
      if (!(values[i]! <= values[high]!)) high = i;
    }
  }
  keep(Math.min(low, high));
  keep(Math.max(low, high));
  keep(count - 1);
  return kept;
}

/** The index of the first of the rising `steps` that is not below `step`. */
export function firstAtOrAfter(steps: Float64Array, step: number): number {
  let low = 0;
  let high = steps.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle]! < step) low = middle + 1;
    else high = middle;
  }
  return low;
}
