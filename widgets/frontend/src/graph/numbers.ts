/** "1 node", "12 nodes", "1.2 M parameters". */
export function count(number: number, noun: string): string {
  return `${short(number)} ${noun}${number === 1 ? "" : "s"}`;
}

function short(number: number): string {
  if (number >= 1e6) return `${(number / 1e6).toPrecision(3)} M`;
  return number.toLocaleString("en");
}
