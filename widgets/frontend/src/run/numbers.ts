/** A measured value with about three digits that matter: 0.971, 12.30, 1.23e-5. */
export function formatValue(value: number | null): string {
  if (value === null) return "–";
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e6 || size < 1e-3)) return value.toExponential(2);
  if (size >= 1000) return formatCount(Math.round(value));
  if (size >= 100) return value.toFixed(1);
  if (size >= 10) return value.toFixed(2);
  if (size !== 0 && size < 0.01) return value.toFixed(5);
  return value.toFixed(size !== 0 && size < 0.1 ? 4 : 3);
}

/** A setting as one would type it: 0.001, 3e-5, 64. */
export function formatSetting(value: number): string {
  const short = Number(value.toPrecision(6));
  return short !== 0 && Math.abs(short) < 1e-4 ? short.toExponential() : String(short);
}

/** 1,437 */
export function formatCount(count: number): string {
  return count.toLocaleString("en-US", { maximumFractionDigits: 0 });
}

/** Three digits of a rate: 23,400 or 1.2 M */
export function formatRate(rate: number): string {
  if (rate >= 1e6) return `${(rate / 1e6).toPrecision(3)} M`;
  return rate >= 10 ? formatCount(Number(rate.toPrecision(3))) : rate.toPrecision(2);
}

/** 4 s, 1 min 05 s, 2 h 10 min */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** "learning_rate" as a label: "Learning rate" */
export function asLabel(name: string): string {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
