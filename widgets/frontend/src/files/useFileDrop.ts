import { type RefObject, useEffect, useState } from "react";
import { useSession } from "../graph/GraphProvider";
import { open } from "./actions";
import { type Dragged, draggedFile, PATHS } from "./dragged";

/** Opens files that are dropped on the canvas, from the desktop or from JupyterLab's own browser. Whether one is over it. */
export function useFileDrop(canvas: RefObject<HTMLElement | null>): boolean {
  const session = useSession();
  const [over, setOver] = useState(false);
  useEffect(() => {
    const listening = new AbortController();
    const element = canvas.current;
    let inside = 0; // one enters a child before one leaves what is around it
    const hear = (names: string[], handle: (event: Event) => void): void => {
      for (const name of names) element?.addEventListener(name, handle, { signal: listening.signal });
    };
    const mine = (event: Event): boolean => {
      const { dataTransfer, mimeData } = event as Dragged;
      if (!dataTransfer?.types.includes("Files") && !mimeData?.hasData(PATHS)) return false;
      event.preventDefault();
      event.stopPropagation();
      return true;
    };
    hear(["dragenter", "lm-dragenter"], (event) => {
      if (!mine(event)) return;
      inside++;
      setOver(true);
    });
    hear(["dragleave", "lm-dragleave"], (event) => {
      if (mine(event) && --inside <= 0) setOver(false);
    });
    hear(["dragover", "lm-dragover"], (event) => {
      if (!mine(event)) return;
      const dragged = event as Dragged;
      if (dragged.dataTransfer) dragged.dataTransfer.dropEffect = "copy";
      else dragged.dropAction = dragged.proposedAction;
    });
    hear(["drop", "lm-drop"], (event) => {
      if (!mine(event)) return;
      inside = 0;
      setOver(false);
      void draggedFile(event as Dragged).then(
        (source) => open(session, source),
        (error: unknown) => session.store.complain(error instanceof Error ? error.message : "The file cannot be read"),
      );
    });
    const stray = (event: DragEvent): void => {
      const isFile = event.dataTransfer?.types.includes("Files");
      if (!isFile || event.defaultPrevented || (event.target as Element).closest(".cm-editor")) return;
      event.preventDefault(); // else the page gives way to a file that misses the canvas
      event.dataTransfer!.dropEffect = "none";
    };
    const root = element?.closest<HTMLElement>(".fl-root");
    root?.addEventListener("dragover", stray, { signal: listening.signal });
    root?.addEventListener("drop", stray, { signal: listening.signal });
    return () => listening.abort();
  }, [session, canvas]);
  return over;
}
