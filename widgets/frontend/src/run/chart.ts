import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { RunEvent } from "../wire";
import { formatCount, formatValue } from "./numbers";
import { firstAtOrAfter, minMax, type CurvePoints } from "./points";
import type { Look } from "./look";
import type { Split } from "./store";

export type Curves = Record<Split, CurvePoints | undefined>;

const SPLITS: readonly Split[] = ["train", "validation"];
/** Room right of the lines for their labels, in pixels. */
const GUTTER = 64;
const LABEL_HEIGHT = 26;
/** How near the pointer must be to the mark of an event to show it, in pixels. */
const REACH = 5;

export interface ChartOptions {
  name: string;
  look: Look;
  log: boolean;
  /** The user has zoomed in, or out again. */
  onZoom: (zoomed: boolean) => void;
}

/** One quantity against the step, train and validation, drawn by uPlot. Draws no more than the pixels can show. */
export class Chart {
  private readonly plot: uPlot;
  private readonly tip = document.createElement("div");
  private curves: Curves = { train: undefined, validation: undefined };
  private events: readonly RunEvent[] = [];

  constructor(
    private readonly element: HTMLElement,
    private readonly options: ChartOptions,
    /** The steps zoomed in on; null shows all. */
    private zoomed: readonly [number, number] | null = null,
  ) {
    this.plot = new uPlot(this.uplotOptions(), [[], [], []], element);
    this.tip.className = "fl-plot-tip";
    this.tip.hidden = true;
    this.plot.over.append(this.tip);
  }

  get zoom(): readonly [number, number] | null {
    return this.zoomed;
  }

  show(curves: Curves, events: readonly RunEvent[]): void {
    this.curves = curves;
    this.events = events;
    this.draw();
  }

  resize(width: number, height: number): void {
    if (width < 1 || height < 1 || (width === this.plot.width && height === this.plot.height)) return;
    this.plot.setSize({ width, height });
    this.draw();
  }

  /** Show these steps only; null shows all. Stays while points come. */
  zoomTo(range: readonly [number, number] | null): void {
    const all = this.extent();
    const inside = range && ([Math.max(range[0], all[0]), Math.min(range[1], all[1])] as const);
    this.zoomed = inside && inside[1] > inside[0] && (inside[0] > all[0] || inside[1] < all[1]) ? inside : null;
    this.options.onZoom(this.zoomed !== null);
    this.draw();
  }

  /** Zoom about the middle by `factor` (below 1: nearer), moved by `shift` of the width. */
  move(factor: number, shift: number): void {
    const [from, to] = this.zoomed ?? this.extent();
    const half = ((to - from) / 2) * factor;
    const middle = (from + to) / 2 + shift * (to - from);
    if (half >= 1) this.zoomTo([middle - half, middle + half]);
  }

  destroy(): void {
    this.plot.destroy();
  }

  private extent(): [number, number] {
    const held = SPLITS.flatMap((split) => this.curves[split]?.steps ?? []).filter((steps) => steps.length > 0);
    if (held.length === 0) return [0, 1];
    const from = Math.min(...held.map((steps) => steps[0]!));
    const to = Math.max(...held.map((steps) => steps[steps.length - 1]!));
    return [from, Math.max(to, from + 1)];
  }

  private draw(): void {
    const [min, max] = this.zoomed ?? this.extent();
    const columns = Math.max(1, Math.floor(this.plot.over.clientWidth));
    const tables = SPLITS.map((split) => this.visible(this.curves[split], min, max, columns));
    this.plot.batch(() => {
      this.plot.setData(uPlot.join(tables), false);
      this.plot.setScale("x", { min, max });
    });
  }

  /** The points between two steps, and one on each side so that the line runs to the edge, thinned to the pixels. */
  private visible(curve: CurvePoints | undefined, min: number, max: number, columns: number): uPlot.AlignedData {
    if (!curve) return [[], []];
    const from = Math.max(0, firstAtOrAfter(curve.steps, min) - 1);
    const to = Math.min(curve.length, firstAtOrAfter(curve.steps, max) + 1);
    const [steps, values] = [curve.steps.subarray(from, to), curve.values.subarray(from, to)];
    const kept = minMax(steps, values, columns);
    return [kept.map((i) => steps[i]!), kept.map((i) => this.drawable(values[i]!))];
  }

  private drawable(value: number): number | null {
    return Number.isFinite(value) && (!this.options.log || value > 0) ? value : null;
  }

  private uplotOptions(): uPlot.Options {
    const { look, log, name } = this.options;
    const font = `${look.size}px ${look.font}`;
    const axis = { stroke: look.secondary, font, grid: { stroke: look.grid, width: 1 }, ticks: { show: false } };
    return {
      width: Math.max(1, this.element.clientWidth),
      height: Math.max(1, this.element.clientHeight),
      padding: [8, GUTTER, 0, 0],
      legend: { show: false },
      scales: {
        x: { time: false },
        y: { distr: log ? 3 : 1, range: (_, low, high) => (log ? logRange(low, high) : linearRange(low, high)) },
      },
      axes: [
        { ...axis, ...STEP_AXIS, labelFont: font },
        { ...axis, ...VALUE_AXIS },
      ],
      series: [{}, ...SPLITS.map((split) => this.series(split, look[split], name))],
      cursor: {
        y: false,
        drag: { x: true, y: false, setScale: false },
        points: { size: 6 },
        dataIdx: (plot, series, index) => nearestDrawn(plot.data[series]!, index),
        bind: { dblclick: () => () => (this.zoomTo(null), null) },
      },
      hooks: {
        setSelect: [() => this.zoomToSelection()],
        setCursor: [() => this.point()],
        draw: [() => this.drawEvents(), () => this.drawLabels()],
      },
    };
  }

  private series(split: Split, stroke: string, name: string): uPlot.Series {
    return {
      label: `${split} ${name}`,
      stroke,
      width: 1.5,
      points: {
        size: 5,
        fill: stroke,
        show: () => (this.curves[split]?.length ?? 0) <= (split === "train" ? 1 : 60),
      },
    };
  }

  private zoomToSelection(): void {
    const { left, width } = this.plot.select;
    if (width < 4) return;
    const range = [this.plot.posToVal(left, "x"), this.plot.posToVal(left + width, "x")] as const;
    this.plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.zoomTo(range);
  }

  /** What is under the pointer: the step, the values there, an event if there was one. */
  private point(): void {
    const { left = -1, idxs, idx } = this.plot.cursor;
    this.tip.hidden = left < 0 || idx == null;
    if (this.tip.hidden) return;
    const step = this.plot.data[0]![idx!]!;
    const lines = [`step ${formatCount(step)}`];
    SPLITS.forEach((split, i) => {
      const at = idxs?.[i + 1];
      const value = at == null ? null : this.plot.data[i + 1]![at];
      if (value != null) lines.push(`${split} ${formatValue(value)}`);
    });
    const near = this.events.filter(({ step }) => Math.abs(this.plot.valToPos(step, "x") - left) <= REACH);
    lines.push(...near.map(({ label }) => label));
    this.tip.replaceChildren(...lines.map(asDiv));
    const right = left > this.plot.over.clientWidth / 2;
    this.tip.style.left = right ? "" : `${left + 8}px`;
    this.tip.style.right = right ? `${this.plot.over.clientWidth - left + 8}px` : "";
  }

  private drawEvents(): void {
    const { ctx, bbox, scales } = this.plot;
    const { min, max } = scales.x!;
    ctx.save();
    ctx.strokeStyle = this.options.look.secondary;
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
    for (const { step } of this.events) {
      if (min == null || max == null || step < min || step > max) continue;
      const x = Math.round(this.plot.valToPos(step, "x", true)) + 0.5;
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    }
    ctx.restore();
  }

  /** Beside the end of each line its name and value, moved apart where they would touch. */
  private drawLabels(): void {
    const { ctx, bbox } = this.plot;
    const { look } = this.options;
    const ratio = devicePixelRatio;
    const height = LABEL_HEIGHT * ratio;
    const ends = SPLITS.flatMap((split, i) => lineEnd(this.plot, split, i + 1)).sort((a, b) => a.y - b.y);
    const places = apart(ends.map((end) => end.y), height, bbox.top, bbox.top + bbox.height);
    ctx.save();
    ctx.textAlign = "left";
    ctx.textBaseline = "middle";
    ends.forEach(({ split, x, value }, i) => {
      ctx.fillStyle = look[split];
      ctx.font = `${look.size * ratio}px ${look.font}`;
      ctx.fillText(split, x + 6 * ratio, places[i]! - height / 4);
      ctx.font = `600 ${look.size * ratio}px ${look.codeFont}`;
      ctx.fillText(formatValue(value), x + 6 * ratio, places[i]! + height / 4);
    });
    ctx.restore();
  }
}

/** Steps are whole, so the marks of the step axis are. */
const WHOLE = Array.from({ length: 13 }, (_, power) => [1, 2, 5].map((n) => n * 10 ** power)).flat();

const STEP_AXIS: uPlot.Axis = {
  label: "step",
  labelSize: 14,
  labelGap: 0,
  size: 20,
  gap: 3,
  space: 56,
  incrs: WHOLE,
  values: (_, ticks) => ticks.map(formatCount),
};

const VALUE_AXIS: uPlot.Axis = {
  size: 46,
  gap: 4,
  space: 20,
  values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : formatTick(tick))),
};

function asDiv(text: string): HTMLDivElement {
  const line = document.createElement("div");
  line.textContent = text;
  return line;
}

function linearRange(low: number | null, high: number | null): [number, number] {
  if (low === null || high === null) return [0, 1];
  const room = 0.06 * (high - low || Math.abs(high) || 1);
  return [low >= 0 ? Math.max(0, low - room) : low - room, high + room];
}

function logRange(low: number | null, high: number | null): uPlot.Range.MinMax {
  return low === null || high === null || low <= 0 ? [0.1, 1] : uPlot.rangeLog(low, high, 10, false);
}

function formatTick(tick: number): string {
  const size = Math.abs(tick);
  return size !== 0 && (size >= 1e5 || size < 1e-3) ? tick.toExponential(0) : String(Number(tick.toPrecision(3)));
}

type Column = ArrayLike<number | null | undefined>;

/** The index nearest to `index` at which this curve has a point. */
function nearestDrawn(column: Column, index: number): number {
  for (let away = 0; away < column.length; away++) {
    if (column[index - away] != null) return index - away;
    if (column[index + away] != null) return index + away;
  }
  return index;
}

interface LineEnd {
  split: Split;
  value: number;
  x: number;
  y: number;
}

/** Where the visible part of a curve ends, in canvas pixels; nothing for a curve with no point in view. */
function lineEnd(plot: uPlot, split: Split, series: number): LineEnd[] {
  const [steps, column] = [plot.data[0]!, plot.data[series] as Column];
  const { min, max } = plot.scales.x!;
  for (let i = steps.length - 1; i >= 0; i--) {
    const value = column[i];
    if (value == null || steps[i]! > max! || steps[i]! < min!) continue;
    return [{ split, value, x: plot.bbox.left + plot.bbox.width, y: plot.valToPos(value, "y", true) }];
  }
  return [];
}

/** Sorted positions moved as little as needed to be `gap` apart and between `low` and `high`. */
function apart(positions: number[], gap: number, low: number, high: number): number[] {
  const placed = positions.map((y) => Math.min(high - gap / 2, Math.max(low + gap / 2, y)));
  if (placed.length < 2 || placed[1]! - placed[0]! >= gap) return placed;
  const middle = (placed[0]! + placed[1]!) / 2;
  const first = Math.min(high - 1.5 * gap, Math.max(low + gap / 2, middle - gap / 2));
  return [first, first + gap];
}
