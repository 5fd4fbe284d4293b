import type { Field } from "../wire";

/** Where a slider begins and ends, and how far a step goes. */
export interface Range {
  minimum: number;
  maximum: number;
  step: number;
}

const STEPS = 100;

/** The range of a number's slider; null if it has no two ends, or too many whole numbers lie between them. */
export function rangeOf({ control, minimum, maximum, above, below }: Field): Range | null {
  if (minimum === null || maximum === null || maximum <= minimum) return null;
  if (control === "integer") return maximum - minimum <= STEPS ? { minimum, maximum, step: 1 } : null;
  if (control !== "number") return null;
  const step = (maximum - minimum) / STEPS;
  return { minimum: above ? minimum + step : minimum, maximum: below ? maximum - step : maximum, step };
}
