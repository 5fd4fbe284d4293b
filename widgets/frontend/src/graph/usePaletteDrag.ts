import { type PointerEvent, useState } from "react";
import type { Insertable } from "./inserting";
import { useInserting } from "./useInserting";

/** How far the pointer goes before a press becomes a drag, in pixels. */
const THRESHOLD = 4;

/** The entry's ghost, placed in the widget's root. */
interface PaletteDrag {
  root: HTMLElement;
  x: number;
  y: number;
}

/**
 * Dragging an entry of the palette onto the canvas, by mouse, pen or touch. Escape gives it up.
 *
 * Pointer events rather than HTML drag-and-drop, which touch screens lack and notebooks listen to themselves.
 */
export function usePaletteDrag(what: Insertable, drop: (clientX: number, clientY: number) => void) {
  const [drag, setDrag] = useState<PaletteDrag | null>(null);
  const { aim, onNodeDragStop: letGo } = useInserting();

  const onPointerDown = (down: PointerEvent<HTMLElement>): void => {
    const root = down.currentTarget.closest<HTMLElement>(".fl-root");
    if (down.button !== 0 || !root) return;
    const listening = new AbortController();
    const { signal } = listening;
    let dragging = false;
    const stop = (): void => {
      listening.abort();
      setDrag(null);
      letGo();
    };
    document.addEventListener(
      "pointermove",
      (event) => {
        dragging ||= Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) > THRESHOLD;
        if (!dragging) return;
        const bounds = root.getBoundingClientRect();
        aim(event.clientX, event.clientY, what, null);
        setDrag({ root, x: event.clientX - bounds.left, y: event.clientY - bounds.top });
      },
      { signal },
    );
    document.addEventListener(
      "pointerup",
      (event) => {
        if (dragging) drop(event.clientX, event.clientY);
        stop();
      },
      { signal },
    );
    document.addEventListener("pointercancel", stop, { signal });
    document.addEventListener("keydown", (event) => event.key === "Escape" && stop(), { signal, capture: true });
  };

  return { drag, onPointerDown };
}
