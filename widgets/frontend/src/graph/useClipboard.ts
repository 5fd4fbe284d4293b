import { useReactFlow } from "@xyflow/react";
import { type RefObject, useEffect } from "react";
import type { Point } from "./arrangement";
import { ClipboardError, pieceOf, textOf } from "./clipboard";
import { useSession } from "./GraphProvider";
import { count } from "./numbers";
import { paste } from "./pasting";
import { focusCanvas } from "./useCommands";
import { isTextField } from "./useKeys";
import { useReveal } from "./useReveal";

/**
 * Copy, cut and paste while the focus is in the canvas: nodes go through the clipboard as text.
 *
 * The events are the browser's own, so no permission is asked for. They go to where text is selected, or to the page,
 * so they are heard on the document.
 */
export function useClipboard(canvas: RefObject<HTMLElement | null>): void {
  const session = useSession();
  const { screenToFlowPosition } = useReactFlow();
  const reveal = useReveal();
  useEffect(() => {
    const listening = new AbortController();
    const options = { signal: listening.signal, capture: true };
    let pointer: Point | null = null;
    const hears = (): boolean => {
      const focused = document.activeElement as HTMLElement | null;
      if (session.store.readOnly) return false;
      return focused !== null && canvas.current?.contains(focused) === true && !isTextField(focused);
    };
    const mine = (event: ClipboardEvent): void => {
      event.preventDefault();
      event.stopPropagation();
    };
    /** Whether something was copied. */
    const copy = (event: ClipboardEvent, done: string): boolean => {
      const piece = pieceOf(session.store.view, session.selectedNodes);
      if (piece.nodes.length === 0 || !event.clipboardData) return false;
      mine(event);
      return orComplain(() => {
        event.clipboardData!.setData("text/plain", textOf(piece));
        session.store.announce(`${count(piece.nodes.length, "node")} ${done}`);
      });
    };
    const orComplain = (action: () => void): boolean => {
      try {
        action();
        return true;
      } catch (error) {
        if (!(error instanceof ClipboardError)) throw error;
        session.store.complain(error.message);
        return false;
      }
    };
    document.addEventListener("copy", (event) => hears() && copy(event, "copied"), options);
    document.addEventListener(
      "cut",
      (event) => {
        if (!hears() || !copy(event, "cut")) return;
        const { announcement } = session.store;
        session.removeSelected();
        session.store.announce(announcement);
        if (canvas.current) focusCanvas(canvas.current);
      },
      options,
    );
    document.addEventListener(
      "paste",
      (event) => {
        if (!hears()) return;
        mine(event);
        const text = event.clipboardData?.getData("text/plain") ?? "";
        const over = canvas.current?.matches(":hover") ? pointer : null;
        orComplain(() => reveal(paste(session, text, over && screenToFlowPosition(over))));
      },
      options,
    );
    canvas.current?.addEventListener("pointermove", ({ clientX, clientY }) => (pointer = { x: clientX, y: clientY }), {
      signal: listening.signal,
    });
    return () => listening.abort();
  }, [session, canvas, screenToFlowPosition, reveal]);
}
