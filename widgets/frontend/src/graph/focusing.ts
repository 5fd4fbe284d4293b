/** For how many pictures what is to have the focus may be on its way. */
const PATIENCE = 30;

/** Gives what the selector finds the focus, once it is drawn. */
export function focusSoon(inside: HTMLElement | null, selector: string, patience = PATIENCE): void {
  requestAnimationFrame(() => {
    const element = inside?.querySelector<HTMLElement>(selector);
    if (element) element.focus({ preventScroll: true });
    else if (patience > 0) focusSoon(inside, selector, patience - 1);
  });
}

/** What of a node or scope takes the focus. */
export function nodeSelector(id: string): string {
  return `.react-flow__node[data-id="${CSS.escape(id)}"]`;
}
