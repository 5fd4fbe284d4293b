import { useReactFlow } from "@xyflow/react";
import { useCallback } from "react";
import { useSession } from "./GraphProvider";
import { useReveal } from "./useReveal";

/** Zooms by a step, or to 100 % by 0; the node that is given stays in view. */
export function useZoom(): (step: 1 | -1 | 0, keep: string | undefined) => void {
  const { store, maker } = useSession();
  const { zoomIn, zoomOut, zoomTo, getZoom } = useReactFlow();
  const reveal = useReveal();
  return useCallback(
    (step, keep) => {
      const zoomed = step === 0 ? zoomTo(1) : step > 0 ? zoomIn() : zoomOut();
      void zoomed.then(() => {
        const box = keep === undefined ? undefined : maker.shown(keep);
        if (box) reveal(box);
        store.announce(`${Math.round(getZoom() * 100)} %`);
      });
    },
    [store, maker, zoomIn, zoomOut, zoomTo, getZoom, reveal],
  );
}
