import { type ReactNode, useState } from "react";
import type { Fix, RunState } from "../wire";
import { asLabel, formatCount, formatDuration, formatRate } from "./numbers";
import { isActive, type RunStore, useRun } from "./store";

/** How the board helps where there is a graph to help with. */
export interface TroubleHelp {
  /** Show a node that a failure is about. */
  onSelectNode?: (id: string) => void;
  /** Offer what would mend it. */
  renderFixes?: (fixes: readonly Fix[]) => ReactNode;
}

/** How far the run is, what it does, and what went wrong. Every number keeps its room, so nothing jumps. */
export function Progress({ store, onSelectNode, renderFixes }: { store: RunStore } & TroubleHelp) {
  const { state, error } = useRun(store);
  const failed = state.status === "failed";
  const message = state.outdated ? "Your changes to the graph are for the next run" : state.message;
  const trouble = error ?? (failed ? state.message : null);
  return (
    <div className="fl-progress">
      <div className="fl-progress-line">
        <span className="fl-run-status" data-testid="run-status" data-status={state.status} role="status">
          {statusWords[state.status]}
        </span>
        {state.run > 0 && !isActive(state) && <Reset store={store} />}
        {!trouble && (
          <span className="fl-run-message" data-testid="run-message" title={message}>
            {message}
          </span>
        )}
        <Numbers state={state} />
      </div>
      <Bar state={state} />
      {trouble && (
        <div className="fl-run-trouble" data-testid="run-message" role="alert">
          {trouble}{" "}
          {failed && state.node !== null && onSelectNode && (
            <button type="button" className="fl-link" onClick={() => onSelectNode(state.node!)}>
              Show the node
            </button>
          )}
          {failed && renderFixes?.(state.fixes)}
        </div>
      )}
    </div>
  );
}

const statusWords: Record<RunState["status"], string> = {
  idle: "Ready",
  starting: "Starting",
  running: "Running",
  paused: "Paused",
  stopped: "Stopped",
  finished: "Finished",
  failed: "Failed",
};

/** Forgets all that was learned; since nothing brings that back, it wants a second press. */
function Reset({ store }: { store: RunStore }) {
  const [sure, setSure] = useState(false);
  const meaning = "Give all weights new first values";
  const press = () => {
    if (sure) store.command("reset");
    setSure(!sure);
  };
  return (
    <button
      type="button"
      className="fl-link"
      data-testid="reset"
      title={meaning}
      onClick={press}
      onBlur={() => setSure(false)}
    >
      {sure ? "Press again to reset" : "Reset weights"}
    </button>
  );
}

function Numbers({ state }: { state: RunState }) {
  if (state.run === 0) return null;
  const rate = state.samples_per_second;
  const left = state.status === "running" ? state.seconds_left : null;
  return (
    <span className="fl-progress-numbers">
      <Of word="epoch" now={state.epoch} of={state.epochs} />
      <Of word="step" now={state.step} of={state.steps} />
      <span className="fl-run-rate">
        {rate !== null && (
          <>
            <span className="fl-number">{formatRate(rate)}</span> samples/s
          </>
        )}
      </span>
      <span className="fl-run-left">{left === null ? "" : `${formatDuration(left)} left`}</span>
    </span>
  );
}

/** "epoch 3 of 20", as wide at 3 as at 20. */
function Of({ word, now, of }: { word: string; now: number; of: number }) {
  const total = formatCount(of);
  return (
    <span>
      {asLabel(word)}{" "}
      <span className="fl-number fl-run-now" style={{ minWidth: `${total.length}ch` }}>
        {formatCount(now)}
      </span>{" "}
      of <span className="fl-number">{total}</span>
    </span>
  );
}

function Bar({ state }: { state: RunState }) {
  const share = state.steps > 0 ? Math.min(1, state.step / state.steps) : 0;
  return (
    <div
      className="fl-progress-bar"
      data-status={state.status}
      role="progressbar"
      aria-label="Training"
      aria-valuemin={0}
      aria-valuemax={state.steps}
      aria-valuenow={state.step}
      aria-valuetext={`Epoch ${state.epoch} of ${state.epochs}, step ${state.step} of ${state.steps}`}
    >
      <div style={{ transform: `scaleX(${share})` }} />
    </div>
  );
}
