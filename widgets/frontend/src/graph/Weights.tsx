import { fitsBeside } from "./geometry";
import { bytes, memory, short, type Sizes } from "./numbers";
import "./weights.css";

interface WeightsProps {
  sizes: Sizes;
  /** What stands beside it, and how wide both may be. */
  spec: string;
  width: number;
}

/** How many weights a node owns, and what they take where there is room to say it. */
export function Weights({ sizes, spec, width }: WeightsProps) {
  if (sizes.parameters === 0) return null;
  const number = short(sizes.parameters);
  const whole = `${number} · ${bytes(sizes.parameter_bytes)}`;
  return (
    <span className="fl-weights" data-testid="weights" title={memory(sizes)}>
      {fitsBeside(whole, spec, width) ? whole : number}
    </span>
  );
}
