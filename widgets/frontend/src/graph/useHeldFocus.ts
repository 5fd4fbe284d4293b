import { type RefObject, useEffect } from "react";

/** Keeps the focus in an element when what had it there is drawn no more: left to the page, its keys would be the notebook's. */
export function useHeldFocus(canvas: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    let held: Element | null = null;
    const listening = new AbortController();
    const look = ({ target }: Event) => (held = element.contains(target as Node) ? (target as Element) : null);
    document.addEventListener("focusin", look, { signal: listening.signal, capture: true });
    document.addEventListener("pointerdown", look, { signal: listening.signal, capture: true });
    const isLost = () => held?.isConnected === false && document.activeElement === document.body;
    const observer = new MutationObserver(() => {
      // A frame later: whoever takes something away may give the focus to what stands for it.
      if (isLost()) requestAnimationFrame(() => isLost() && element.focus({ preventScroll: true }));
    });
    observer.observe(element, { childList: true, subtree: true });
    return () => {
      listening.abort();
      observer.disconnect();
    };
  }, [canvas]);
}
