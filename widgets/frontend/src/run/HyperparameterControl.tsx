import { useEffect, useRef, useState } from "react";
import type { Hyperparameter } from "../wire";
import { NumberField } from "./NumberField";
import { asLabel, formatSetting } from "./numbers";
import { type RunStore, useRun } from "./store";

/** The slider's own range; where it stands on it is a share of the hyperparameter's range, by its scale. */
const TICKS = 200;

/** A number field and a slider for something that may change while the run goes on. Both act on commit. */
export function HyperparameterControl({ store, hyperparameter }: { store: RunStore; hyperparameter: Hyperparameter }) {
  const { pending } = useRun(store);
  const [dragged, setDragged] = useState<number | null>(null);
  const { name, minimum, maximum } = hyperparameter;
  const wanted = pending.find((p) => p.command.action === "set" && p.command.name === name);
  const value = dragged ?? wanted?.command.value ?? hyperparameter.value;
  const label = asLabel(name);
  const commit = (next: number) => {
    setDragged(null);
    store.command("set", name, next);
  };
  return (
    <div className="fl-run-setting" role="group" aria-label={label}>
      <span>{label}</span>
      <NumberField
        testId={name === "learning_rate" ? "learning-rate" : `hyperparameter-${name}`}
        label={label}
        value={value}
        minimum={minimum}
        maximum={maximum}
        pending={wanted !== undefined}
        nudge={(now, up) => valueAt(hyperparameter, tickOf(hyperparameter, now) + (up ? 2 : -2))}
        onCommit={commit}
      />
      <Slider hyperparameter={hyperparameter} value={value} onDrag={setDragged} onCommit={commit} />
    </div>
  );
}

interface SliderProps {
  hyperparameter: Hyperparameter;
  value: number;
  onDrag: (value: number) => void;
  onCommit: (value: number) => void;
}

function Slider({ hyperparameter, value, onDrag, onCommit }: SliderProps) {
  const input = useRef<HTMLInputElement>(null);
  const label = `${asLabel(hyperparameter.name)}, ${hyperparameter.scale === "log" ? "logarithmic " : ""}slider`;
  const latest = useRef(onCommit);
  latest.current = onCommit;
  // React's onChange is the DOM's `input`, which fires all along a drag; the DOM's `change` fires once, at its end.
  useEffect(() => {
    const element = input.current!;
    const commit = () => latest.current(valueAt(hyperparameter, Number(element.value)));
    element.addEventListener("change", commit);
    return () => element.removeEventListener("change", commit);
  }, [hyperparameter]);
  return (
    <input
      ref={input}
      className="fl-run-slider"
      type="range"
      min={0}
      max={TICKS}
      step={1}
      aria-label={label}
      aria-valuetext={formatSetting(value)}
      value={Math.round(tickOf(hyperparameter, value))}
      onChange={(event) => onDrag(valueAt(hyperparameter, Number(event.target.value)))}
    />
  );
}

/** The value at a slider position, rounded to the two digits that a person would choose. */
function valueAt({ minimum, maximum, scale }: Hyperparameter, tick: number): number {
  const share = Math.min(1, Math.max(0, tick / TICKS));
  if (share === 0) return minimum;
  if (share === 1) return maximum;
  const low = lowEnd(minimum, maximum);
  const raw = scale === "log" ? low * (maximum / low) ** share : minimum + share * (maximum - minimum);
  return Math.min(maximum, Math.max(minimum, Number(raw.toPrecision(2))));
}

function tickOf({ minimum, maximum, scale }: Hyperparameter, value: number): number {
  if (scale === "linear") return (TICKS * (value - minimum)) / (maximum - minimum || 1);
  const low = lowEnd(minimum, maximum);
  return (TICKS * Math.log(Math.max(value, low) / low)) / Math.log(maximum / low);
}

/** A logarithm needs a low end above zero: six decades below the high end, where the minimum is zero. */
function lowEnd(minimum: number, maximum: number): number {
  return minimum > 0 ? minimum : maximum * 1e-6;
}
