/** For how many pictures what is to have the focus may be on its way. */
const PATIENCE = 30;

/** Gives what the selector finds the focus: at once, for the next key to go there, or when it is drawn and to be seen. */
export function focusSoon(inside: HTMLElement | null, selector: string, patience = PATIENCE): void {
  const element = inside?.querySelector<HTMLElement | SVGElement>(selector);
  element?.focus({ preventScroll: true });
  if (element && document.activeElement === element) return;
  if (patience > 0) requestAnimationFrame(() => focusSoon(inside, selector, patience - 1));
}

/** What of a node or scope takes the focus. */
export function nodeSelector(id: string): string {
  return `.react-flow__node[data-id="${CSS.escape(id)}"]`;
}

/** What of a wire takes the focus. */
export function wireSelector(id: string): string {
  return `.react-flow__edge[data-id="${CSS.escape(id)}"]`;
}

/** A port of what is drawn, by its own id there. */
export function portSelector(node: string, side: "input" | "output", id: string): string {
  const kind = side === "input" ? "target" : "source";
  return `${nodeSelector(node)} .fl-port.${kind}[data-handleid="${CSS.escape(id)}"]`;
}
