import { type KeyboardEvent, type ReactNode, type RefObject, useEffect, useId, useRef } from "react";
import { focusCanvas } from "../graph/useCommands";

interface DialogProps {
  canvas: RefObject<HTMLElement | null>;
  title: string;
  /** Called when it is left without an answer. */
  onClose: () => void;
  children: ReactNode;
}

/** A question over the canvas. Tab stays inside, Escape leaves it; then what had the focus before has it again. */
export function Dialog({ canvas, title, onClose, children }: DialogProps) {
  const card = useRef<HTMLDivElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    const inside = canvas.current;
    const first = card.current?.querySelector<HTMLElement>("[data-first]");
    first?.focus({ preventScroll: true });
    if (first instanceof HTMLInputElement) first.select();
    return () => {
      const had = before instanceof HTMLElement && before.isConnected && inside?.closest(".fl-keys")?.contains(before);
      if (had && before !== inside) before.focus({ preventScroll: true });
      else if (inside) focusCanvas(inside);
    };
  }, [canvas]);
  const onKeyDown = (event: KeyboardEvent) => {
    event.stopPropagation();
    if (event.key === "Escape") onClose();
    else if (event.key !== "Tab" || !stay(card.current, event.shiftKey)) return;
    event.preventDefault();
  };
  return (
    <div className="fl-overlay nowheel">
      <div
        ref={card}
        className="fl-card fl-dialog"
        role="dialog"
        aria-modal
        aria-labelledby={id}
        data-testid="dialog"
        onKeyDown={onKeyDown}
      >
        <h3 id={id}>{title}</h3>
        {children}
      </div>
    </div>
  );
}

/** Go from the last to the first of what takes the focus, or back; whether that was necessary. */
function stay(card: HTMLElement | null, back: boolean): boolean {
  const stops = [...(card?.querySelectorAll<HTMLElement>("input, button:not(:disabled)") ?? [])];
  const [from, to] = back ? [stops[0], stops.at(-1)] : [stops.at(-1), stops[0]];
  if (document.activeElement !== from) return false;
  to?.focus();
  return true;
}
