/** Whether keyboards here have a command key. */
const MAC = typeof navigator !== "undefined" && /Mac|iPhone|iPad/.test(navigator.platform);

const SIGNS: Record<string, string> = { Ctrl: "⌘", Shift: "⇧", Alt: "⌥" };
const SPOKEN: Record<string, string> = { Ctrl: MAC ? "Meta" : "Control" };

/** A key as people read it here: "Ctrl+Shift+Z" is "⇧⌘Z" on a Mac. */
export function keyLabel(written: string, mac = MAC): string {
  if (!mac) return written;
  const parts = written === "+" ? [written] : written.split("+");
  const key = parts.pop()!;
  return [...parts.map((part) => SIGNS[part] ?? part).sort((a, b) => ORDER.indexOf(a) - ORDER.indexOf(b)), key].join("");
}

/** The order in which a Mac writes what is held down. */
const ORDER = "⌥⇧⌘";

/** The same for `aria-keyshortcuts`: "Control+Shift+Z". */
export function keyShortcuts(keys: readonly string[]): string | undefined {
  const spoken = keys.map((key) => key.replaceAll("Ctrl", SPOKEN.Ctrl!));
  return spoken.map((key) => (key === "+" ? "Plus" : key)).join(" ") || undefined;
}
