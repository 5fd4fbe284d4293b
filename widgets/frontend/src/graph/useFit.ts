import { useReactFlow } from "@xyflow/react";
import { useSession } from "./GraphProvider";

/** Brings all nodes into view, or the selected ones, if there are any. */
export function useFit(which: "all" | "selected"): () => void {
  const session = useSession();
  const { fitView } = useReactFlow();
  return () => {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const nodes = which === "all" ? [] : [...session.selectedNodes].map((id) => ({ id }));
    void fitView({ ...(nodes.length > 0 && { nodes }), maxZoom: 1, padding: 0.1, duration: still ? 0 : 150 });
  };
}
