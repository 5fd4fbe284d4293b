import { getViewportForBounds, type ReactFlowInstance, useReactFlow, useStoreApi } from "@xyflow/react";
import { useEffect, useRef } from "react";
import type { FlowEdge, FlowNode } from "./flow";
import { useSession, useStored } from "./GraphProvider";
import { boundsOf } from "./place";

/** How all of a graph is fitted into view. */
export const FIT = { maxZoom: 1, padding: 0.1 };
const MARGIN = 24;

/** Where all nodes would be smaller than this, the view begins with the first ones, at a size that can be read. */
const SMALLEST = 0.25;
const READABLE = 0.5;

/** After all of a graph has been fitted into the first view: its beginning instead, if all is too large for that. */
export function useFirstView(): (flow: ReactFlowInstance<FlowNode, FlowEdge>) => void {
  const { maker, store } = useSession();
  const state = useStoreApi();
  return (flow) => {
    const { width, height } = state.getState();
    const bounds = boundsOf(maker.mapped(store.view).map(({ box }) => box));
    if (bounds === null || width === 0) return;
    const zoom = Math.min(width / bounds.width, height / bounds.height) / (1 + FIT.padding);
    if (zoom >= SMALLEST) return;
    const tall = bounds.height * READABLE > height;
    const y = tall ? -bounds.y * READABLE + MARGIN : height / 2 - (bounds.y + bounds.height / 2) * READABLE;
    void flow.setViewport({ x: -bounds.x * READABLE + MARGIN, y, zoom: READABLE });
  };
}

/** Brings the first nodes of an empty graph into view, if they came to lie outside of it: from code, say. */
export function useFirstNodes(): void {
  const { maker, store } = useSession();
  const empty = useStored(({ view }) => view.nodes.size === 0);
  const wasEmpty = useRef(empty);
  const state = useStoreApi();
  const fit = useFit("all");
  useEffect(() => {
    const first = wasEmpty.current && !empty;
    wasEmpty.current = empty;
    const bounds = first ? boundsOf(maker.mapped(store.view).map(({ box }) => box)) : null;
    if (bounds === null) return;
    const { width, height, transform: [x, y, zoom] } = state.getState();
    const [left, top] = [bounds.x * zoom + x, bounds.y * zoom + y];
    const seen = left >= 0 && top >= 0 && left + bounds.width * zoom <= width && top + bounds.height * zoom <= height;
    if (!seen) fit();
  }, [empty]);
}

/** Brings all nodes into view, or the selected ones, if there are any. */
export function useFit(which: "all" | "selected"): () => void {
  const session = useSession();
  const { setViewport } = useReactFlow();
  const state = useStoreApi();
  return () => {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const { maker, selectedNodes, store } = session;
    const chosen = which === "all" ? [] : [...selectedNodes].flatMap((id) => maker.shown(id) ?? []);
    const bounds = boundsOf(chosen.length > 0 ? chosen : maker.mapped(store.view).map(({ box }) => box));
    if (bounds === null) return;
    const { width, height, minZoom } = state.getState();
    const { maxZoom, padding } = FIT;
    const viewport = getViewportForBounds(bounds, width, height, minZoom, maxZoom, padding);
    void setViewport(viewport, { duration: still ? 0 : 150 });
  };
}
