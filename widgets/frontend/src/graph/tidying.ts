import type { Change, NodeDoc } from "../wire";
import type { Geometry } from "./geometry";
import type { Place, Sketch, SketchNode } from "./layout/sketch";
import { begin } from "./layout/task";
import { Observable } from "./observable";
import { isBegin, isEnd } from "./scopes";
import type { GraphStore, GraphView } from "./store";

/** A layout that takes longer than this, in milliseconds, says so and offers to be cancelled. */
const PATIENCE = 150;

/** Laying nodes out anew, beside all else: what is done meanwhile stays as it is done. */
export class Tidying extends Observable {
  /** What is being laid out: how many nodes, and the share that is done; null while nothing is, or not for long. */
  shown: { nodes: number; share: number } | null = null;
  private stop: (() => void) | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly store: GraphStore,
    private readonly geometry: (node: string) => Geometry,
  ) {
    super();
  }

  /** Lay out the nodes of these ids, or all if there are none. Their upper left corner stays where it is. */
  begin(only: ReadonlySet<string>): void {
    this.end();
    this.store.handIn();
    const { view } = this.store;
    const chosen = [...view.nodes.values()].filter(({ id }) => only.size === 0 || only.has(id));
    let share = 0;
    const show = (): void => {
      this.shown = { nodes: chosen.length, share };
      this.changed();
    };
    this.timer = setTimeout(() => {
      show();
      this.store.announce(`Laying out ${chosen.length} nodes. Escape cancels`);
    }, PATIENCE);
    const stop = begin(sketchOf(view, chosen, this.geometry), {
      progress: (now) => {
        share = now;
        if (this.shown) show();
      },
      done: (places) => {
        this.end();
        this.apply(chosen, places);
      },
    });
    if (this.timer !== undefined) this.stop = stop;
  }

  /** Leave everything where it is. */
  cancel(): void {
    if (!this.stop) return;
    this.end();
    this.store.announce("Layout cancelled");
  }

  private end(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.stop?.();
    this.stop = null;
    if (!this.shown) return;
    this.shown = null;
    this.changed();
  }

  /** One edit that moves all that is still there, and still where it was. */
  private apply(before: readonly NodeDoc[], places: ReadonlyMap<string, Place>): void {
    this.store.handIn();
    const { nodes } = this.store.view;
    const to = shift(before, places);
    const moves = before.flatMap(({ id, x, y }): Change[] => {
      const now = nodes.get(id);
      const place = places.get(id)!;
      const moved: Change = { op: "move", id, x: place.x + to.x, y: place.y + to.y };
      if (!now || now.x !== x || now.y !== y) return [];
      return moved.x === x && moved.y === y ? [] : [moved];
    });
    this.store.edit(moves);
    this.store.announce(moves.length > 0 ? "Tidied" : "Everything is tidy already");
  }
}

/** From the upper left corner of these places to that of where the nodes were. */
function shift(nodes: readonly NodeDoc[], places: ReadonlyMap<string, Place>): Place {
  const placed = nodes.filter((node) => node.x !== null && node.y !== null);
  if (placed.length === 0) return { x: 0, y: 0 };
  const least = (values: readonly number[]): number => values.reduce((a, b) => Math.min(a, b), Infinity);
  const [xs, ys] = [placed.map(({ x }) => x!), placed.map(({ y }) => y!)];
  const laid = [...places.values()];
  return { x: least(xs) - least(laid.map(({ x }) => x)), y: least(ys) - least(laid.map(({ y }) => y)) };
}

/** These nodes and the wires between them. */
function sketchOf(view: GraphView, chosen: readonly NodeDoc[], geometryOf: (node: string) => Geometry): Sketch {
  const index = new Map(chosen.map(({ id }, i) => [id, i]));
  const geometries = chosen.map(({ id }) => geometryOf(id));
  const portTop = (node: number, port: string, type: "source" | "target"): number => {
    const handle = geometries[node]!.handles.find((handle) => handle.id === port && handle.type === type);
    return handle ? handle.y + (handle.height ?? 0) / 2 : 0;
  };
  return {
    nodes: chosen.map(({ id, kind, scope }, i): SketchNode => {
      const { width, height } = geometries[i]!;
      return { id, scope, width, height, edge: isBegin(kind) ? "first" : isEnd(kind) ? "last" : null };
    }),
    wires: view.edges.flatMap((edge) => {
      const [source, target] = [index.get(edge.source), index.get(edge.target)];
      if (source === undefined || target === undefined) return [];
      const out = portTop(source, edge.source_port, "source");
      return [{ source, target, out, in: portTop(target, edge.target_port, "target") }];
    }),
  };
}
