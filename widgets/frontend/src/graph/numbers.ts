const THOUSANDS: readonly [number, string][] = [
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

/** Made once, as each node is written with it: `toLocaleString` would look the language up each time. */
const WHOLE = new Intl.NumberFormat("en");

/** "1 node", "12 nodes", "1.2 M parameters". */
export function count(number: number, noun: string): string {
  return `${long(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** "650", "30.6 k", "1.2 M": three digits. `layout.py` writes the same. */
export function short(number: number): string {
  for (const [factor, unit] of THOUSANDS)
    if (number >= 0.9995 * factor) return `${Number((number / factor).toPrecision(3))} ${unit}`;
  return String(number);
}

/** "848 B", "2.6 kB", "1.2 MB". */
export function bytes(number: number): string {
  return number < 999.5 ? `${number} B` : `${short(number)}B`;
}

/** What nodes take: "30,634 parameters, 123 kB; output 2.3 kB a sample". Empty if that is nothing. */
export function memory(sizes: Sizes, noun = "output"): string {
  const weights = sizes.parameters > 0 && `${count(sizes.parameters, "parameter")}, ${bytes(sizes.parameter_bytes)}`;
  const outputs = sizes.output_bytes > 0 && `${noun} ${bytes(sizes.output_bytes)} a sample`;
  return [weights, outputs].filter(Boolean).join("; ");
}

/** What a node takes, or several do together. */
export interface Sizes {
  parameters: number;
  parameter_bytes: number;
  output_bytes: number;
}

const NOTHING: Sizes = { parameters: 0, parameter_bytes: 0, output_bytes: 0 };

/** What they take together. */
export function total(all: Iterable<Sizes | undefined>): Sizes {
  const sum = { ...NOTHING };
  for (const sizes of all) {
    sum.parameters += sizes?.parameters ?? 0;
    sum.parameter_bytes += sizes?.parameter_bytes ?? 0;
    sum.output_bytes += sizes?.output_bytes ?? 0;
  }
  return sum;
}

function long(number: number): string {
  if (number >= 1e6) return `${(number / 1e6).toPrecision(3)} M`;
  return WHOLE.format(number);
}
