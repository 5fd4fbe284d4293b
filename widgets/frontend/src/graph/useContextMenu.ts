import { useReactFlow } from "@xyflow/react";
import { type KeyboardEvent, type MouseEvent, type RefObject, useEffect, useMemo } from "react";
import type { Point } from "./arrangement";
import type { FlowEdge, FlowNode } from "./flow";
import { useSession } from "./GraphProvider";
import { isSelected, selectionAt } from "./selecting";

/** How long a finger rests before it asks what can be done there, in milliseconds, and how far it may tremble. */
const LONG = 500;
const TREMOR = 10;

/** What of the canvas has a menu of ours; elsewhere the browser's or the notebook's appears. */
const OURS = ".react-flow__pane, .react-flow__node, .react-flow__edge, .react-flow__nodesselection";

/** Opens the menu of what is under the pointer or has the focus: by right-click, its key, Shift+F10, or a long press. */
export function useContextMenu(canvas: RefObject<HTMLElement | null>) {
  const session = useSession();
  const { getEdge } = useReactFlow<FlowNode, FlowEdge>();
  const open = useMemo(
    () =>
      (element: HTMLElement, at: Point): boolean => {
        const port = element.closest<HTMLElement>(".fl-port:not([data-closed])");
        const here = selectionAt(element, getEdge);
        if (port) {
          const end = { node: port.dataset.portNode ?? "", port: port.dataset.port ?? "" };
          const side = port.matches(".target") ? "input" : "output";
          session.openMenu({ what: "port", at, end, side, moving: [] });
          return true;
        }
        if (element !== canvas.current && !element.matches(OURS) && !element.closest(OURS)) return false;
        const framed = element.closest(".react-flow__nodesselection") !== null;
        if (!framed && !(here && isSelected(session, here))) session.select(here?.nodes ?? [], here?.edges ?? []);
        session.openMenu({ what: "context", at });
        return true;
      },
    [session, canvas, getEdge],
  );
  useLongPress(canvas, open);

  return useMemo(
    () => ({
      onContextMenu: (event: MouseEvent): void => {
        if (!open(event.target as HTMLElement, { x: event.clientX, y: event.clientY })) return;
        event.preventDefault();
        event.stopPropagation();
      },
      /** Whether the key was for this. */
      onMenuKey: ({ key, shiftKey, target }: KeyboardEvent): boolean => {
        if (key !== "ContextMenu" && !(key === "F10" && shiftKey)) return false;
        const element = target as HTMLElement;
        const { left, top, width, height } = element.getBoundingClientRect();
        const beside = { x: left + Math.min(width, 160) + 8, y: top + 8 };
        return open(element, element === canvas.current ? { x: left + width / 3, y: top + height / 4 } : beside);
      },
    }),
    [open, canvas],
  );
}

/** A finger that rests asks what a right-click does; not all browsers send its event for that. */
function useLongPress(canvas: RefObject<HTMLElement | null>, open: (element: HTMLElement, at: Point) => boolean): void {
  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let start: Point = { x: 0, y: 0 };
    const stop = () => clearTimeout(timer);
    const press = ({ pointerType, isPrimary, clientX: x, clientY: y, target }: PointerEvent): void => {
      stop();
      if (pointerType !== "touch" || !isPrimary) return;
      start = { x, y };
      timer = setTimeout(() => {
        if (!open(target as HTMLElement, start)) return;
        // Lifting the finger would press what now lies under it.
        target?.addEventListener("touchend", (event) => event.preventDefault(), { once: true, passive: false });
      }, LONG);
    };
    const move = ({ clientX, clientY }: PointerEvent): void => {
      if (Math.hypot(clientX - start.x, clientY - start.y) > TREMOR) stop();
    };
    const listening = new AbortController();
    const options = { signal: listening.signal, capture: true };
    element.addEventListener("pointerdown", press, options);
    document.addEventListener("pointermove", move, options);
    for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, stop, options);
    return () => {
      stop();
      listening.abort();
    };
  }, [canvas, open]);
}
