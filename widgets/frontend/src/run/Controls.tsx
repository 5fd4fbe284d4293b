import { useState } from "react";
import type { Command } from "../wire";
import { HyperparameterControl } from "./HyperparameterControl";
import { Icon } from "./icons";
import { mainAction } from "./main";
import { NumberField } from "./NumberField";
import { asLabel } from "./numbers";
import { isActive, type RunStore, useRun } from "./store";

type Action = Command["action"];

/** The buttons that drive a run, and the numbers that it runs with. */
export function Controls({ store }: { store: RunStore }) {
  const { state } = useRun(store);
  const [first, ...others] = state.hyperparameters;
  const [more, setMore] = useState(false);
  return (
    <div className="fl-run-controls">
      <Buttons store={store} />
      <div className="fl-run-settings">
        {first && <HyperparameterControl store={store} hyperparameter={first} />}
        <BetweenRuns store={store} name="epochs" value={state.epochs} />
        <BetweenRuns store={store} name="batch_size" value={state.batch_size} />
        {others.length > 0 && (
          <button type="button" className="fl-button" aria-expanded={more} onClick={() => setMore(!more)}>
            {more ? "Fewer settings" : "More settings"}
          </button>
        )}
        {more && others.map((h) => <HyperparameterControl key={h.name} store={store} hyperparameter={h} />)}
      </div>
    </div>
  );
}

function Buttons({ store }: { store: RunStore }) {
  const view = useRun(store);
  const { status } = view.state;
  const main = mainAction(view.state);
  const active = isActive(view.state);
  const busy = status === "running" || status === "starting";
  return (
    <div className="fl-run-buttons" role="group" aria-label="Run">
      <ActionButton store={store} action={main} filled enabled={status !== "starting"} hint={hints[main]} />
      <ActionButton store={store} action="step" enabled={!busy} hint={hints.step} />
      <ActionButton store={store} action="stop" enabled={active} hint={hints.stop} />
    </div>
  );
}

const hints = {
  train: "Train from the weights as they are (Ctrl+Enter)",
  pause: "Pause after this batch (Ctrl+Enter)",
  resume: "Go on from here (Ctrl+Enter)",
  step: "Train one batch, then pause",
  stop: "End this run",
};

interface ActionButtonProps {
  store: RunStore;
  action: Exclude<Action, "set" | "reset">;
  enabled: boolean;
  hint: string;
  filled?: boolean;
}

/** A button that stays focusable while it cannot be pressed, so that the keyboard does not lose its place. */
function ActionButton({ store, action, enabled, hint, filled = false }: ActionButtonProps) {
  const { pending } = useRun(store);
  const waiting = pending.some((p) => p.command.action === action && !p.acknowledged);
  const off = !enabled || waiting;
  return (
    <button
      type="button"
      className={filled ? "fl-button fl-button-filled" : "fl-button"}
      data-testid={action}
      title={hint}
      aria-disabled={off}
      aria-busy={waiting}
      onClick={() => !off && store.command(action)}
    >
      <Icon shape={action === "resume" ? "train" : action} />
      {asLabel(action)}
    </button>
  );
}

function BetweenRuns({ store, name, value }: { store: RunStore; name: "epochs" | "batch_size"; value: number }) {
  const view = useRun(store);
  const wanted = view.pending.find((p) => p.command.name === name);
  const locked = isActive(view.state);
  return (
    <label className="fl-run-setting" title={locked ? "Can be changed when this run has ended" : undefined}>
      <span>{asLabel(name)}</span>
      <NumberField
        testId={name.replace("_", "-")}
        label={asLabel(name)}
        value={wanted?.command.value ?? value}
        minimum={1}
        maximum={1_000_000}
        integer
        disabled={locked}
        pending={wanted !== undefined}
        nudge={(now, up) => now + (up ? 1 : -1)}
        onCommit={(next) => store.command("set", name, next)}
      />
    </label>
  );
}
