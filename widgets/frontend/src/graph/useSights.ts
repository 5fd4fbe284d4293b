import { useReactFlow } from "@xyflow/react";
import { useEffect } from "react";
import type { FlowEdge, FlowNode } from "./flow";
import { useSelected, useSession } from "./GraphProvider";
import { useFit } from "./useFit";

/** A node that is shown is at least so large. */
const READABLE = 0.75;

/** Brings into view what the session wishes to be seen, once it is drawn. */
export function useSights(): void {
  const session = useSession();
  const sights = useSelected((session) => session.sights);
  const flow = useReactFlow<FlowNode, FlowEdge>();
  const fit = useFit("all");
  useEffect(() => {
    const sight = session.takeSight();
    const box = sight && sight.what !== "all" && session.maker.shown(sight.id);
    if (sight?.what === "all") fit();
    if (!box) return;
    const { x, y, zoom } = flow.getViewport();
    if (sight.what === "corner") {
      const { before } = sight;
      void flow.setViewport({ x: x + (before.x - box.x) * zoom, y: y + (before.y - box.y) * zoom, zoom });
    } else if (sight.what === "node") {
      void flow.setCenter(box.x + box.width / 2, box.y + box.height / 2, { zoom: Math.max(zoom, READABLE) });
    }
  }, [sights]);
}
