import { useSyncExternalStore } from "react";
import type { Host } from "../host";
import type { Acknowledged, Command, Curve, Points, RunReply, RunState } from "../wire";
import { CurvePoints } from "./points";

export type Split = Curve["split"];

/** A command on its way. A `set` that was acknowledged stays until the state shows the new value. */
export interface Pending {
  readonly command: Command;
  readonly acknowledged: boolean;
}

/** What the board draws, besides the curves. A new object whenever something in it changes. */
export interface RunView {
  readonly state: RunState;
  readonly pending: readonly Pending[];
  /** Why the last command was refused, in one line. */
  readonly error: string | null;
}

/** The browser's replica of a run: its state, its curves, and the commands that wait for an answer. */
export class RunStore {
  view: RunView;
  private readonly curves = new Map<string, CurvePoints>();
  private readonly viewers = new Set<() => void>();
  private readonly plotters = new Set<() => void>();
  private sequence = 0;
  private pointsOf: number;
  private asked = false;

  constructor(
    private readonly host: Host,
    state: RunState,
  ) {
    this.view = { state, pending: [], error: null };
    this.pointsOf = state.run;
    host.on("run", (message, buffers) => this.receive(message as RunReply, buffers));
    host.subscribeSilent(() => this.forgetUnanswered());
    this.askForPoints(); // and for the state: this page may have been loading for a while
  }

  subscribe = (listener: () => void): (() => void) => {
    this.viewers.add(listener);
    return () => this.viewers.delete(listener);
  };

  /** Call `listener` whenever a curve has changed. */
  onPoints(listener: () => void): () => void {
    this.plotters.add(listener);
    return () => this.plotters.delete(listener);
  }

  curve(name: string, split: Split): CurvePoints | undefined {
    return this.curves.get(`${split} ${name}`);
  }

  /** The names of all curves, in the order in which they came. */
  names(): string[] {
    return [...new Set([...this.curves.keys()].map((key) => key.slice(key.indexOf(" ") + 1)))];
  }

  command(action: Command["action"], name = "", value: number | null = null): void {
    const { client } = this.host;
    const command: Command = { type: "command", client, sequence: ++this.sequence, action, name, value };
    const others = this.view.pending.filter((p) => p.command.action !== action || p.command.name !== name);
    this.show({ pending: [...others, { command, acknowledged: false }], error: null });
    this.host.send("run", command);
  }

  private show(change: Partial<RunView>): void {
    this.view = { ...this.view, ...change };
    for (const viewer of this.viewers) viewer();
  }

  private receive(message: RunReply, buffers: DataView[]): void {
    if (message.type === "acknowledged") this.acknowledge(message);
    else if (message.type === "state") this.change(message.state);
    else this.plot(message, buffers);
  }

  private acknowledge({ client, sequence, error }: Acknowledged): void {
    const answered = this.view.pending.find((p) => p.command.sequence === sequence);
    if (client !== this.host.client || !answered) return;
    const others = this.view.pending.filter((p) => p !== answered);
    const unseen = error === null && answered.command.action === "set" && !shows(this.view.state, answered.command);
    const pending = unseen ? [...others, { ...answered, acknowledged: true }] : others;
    this.show({ pending, error: error ?? this.view.error });
  }

  private change(state: RunState): void {
    if (state.run !== this.pointsOf) this.clearCurves(state.run);
    const mended = this.view.state.status === "failed" && state.status !== "failed";
    const error = mended ? null : this.view.error;
    this.show({ state, error, pending: this.view.pending.filter((p) => !p.acknowledged) });
  }

  private clearCurves(run: number): void {
    this.pointsOf = run;
    this.asked = false;
    this.curves.clear();
    this.replot();
  }

  private plot(message: Points, buffers: DataView[]): void {
    if (message.run < this.pointsOf) return;
    if (message.run > this.pointsOf) this.clearCurves(message.run);
    const whole = message.curves.map((curve, i) => this.extend(curve, buffers[i]));
    if (whole.includes(false)) this.askForPoints();
    else if (message.curves.some((curve) => curve.start === 0)) this.asked = false;
    this.replot();
  }

  /** Append what came to its curve; false if something between is missing. */
  private extend(curve: Curve, buffer: DataView | undefined): boolean {
    const { name, split, start, count } = curve;
    const key = `${split} ${name}`;
    const points = start === 0 ? new CurvePoints() : this.curves.get(key);
    if (points?.received !== start || buffer?.byteLength !== 16 * count) return false;
    const aligned = buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength);
    points.append(new Float64Array(aligned, 0, count), new Float64Array(aligned, 8 * count, count));
    this.curves.set(key, points);
    return true;
  }

  private replot(): void {
    for (const plotter of this.plotters) plotter();
  }

  private askForPoints(): void {
    if (this.asked) return;
    this.asked = true;
    this.host.send("run", { type: "points" });
  }

  /** A kernel that gives no answer will not give one later: the controls are free again. */
  private forgetUnanswered(): void {
    if (!this.host.silent) return;
    this.asked = false;
    this.show({ pending: [] });
  }
}

/** Whether a run is under way. Some things can be changed only when none is. */
export function isActive({ status }: RunState): boolean {
  return status === "starting" || status === "running" || status === "paused";
}

/** Whether the state shows already what a `set` asked for. */
function shows(state: RunState, { name, value }: Command): boolean {
  if (name === "epochs") return state.epochs === value;
  if (name === "batch_size") return state.batch_size === value;
  return state.hyperparameters.some((h) => h.name === name && h.value === value);
}

const stores = new WeakMap<Host, RunStore>();

/** The store of a host's run, or null if it has none: one per widget model, however many views show it. */
export function runStoreFor(host: Host): RunStore | null {
  if (!host.state.run) return null;
  const store = stores.get(host) ?? new RunStore(host, host.state.run);
  stores.set(host, store);
  return store;
}

export function useRun(store: RunStore): RunView {
  return useSyncExternalStore(store.subscribe, () => store.view);
}
