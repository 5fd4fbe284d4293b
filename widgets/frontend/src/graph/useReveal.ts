import { useReactFlow, useStoreApi } from "@xyflow/react";
import { useCallback } from "react";
import type { Box } from "./place";

/** What stays free around a box that was brought into view, in pixels; above it floats the bar. */
const MARGIN = 16;
const BAR = 56;

/** The same at its right, where what follows it will go and the map lies; not more than this share of the view. */
const AHEAD = 200;
const MOST_AHEAD = 0.25;

/** Moves the view by as little as shows all of a box of the flow. */
export function useReveal(): (box: Box) => void {
  const flow = useReactFlow();
  const state = useStoreApi();
  return useCallback(
    (box) => {
      const bounds = state.getState().domNode?.getBoundingClientRect();
      if (!bounds) return;
      const start = flow.flowToScreenPosition(box);
      const end = flow.flowToScreenPosition({ x: box.x + box.width, y: box.y + box.height });
      const dx = shift(start.x, end.x, bounds.left + MARGIN, bounds.right - Math.min(AHEAD, bounds.width * MOST_AHEAD));
      const dy = shift(start.y, end.y, bounds.top + BAR, bounds.bottom - MARGIN);
      const { x, y, zoom } = flow.getViewport();
      if (dx !== 0 || dy !== 0) void flow.setViewport({ x: x + dx, y: y + dy, zoom });
    },
    [flow, state],
  );
}

/** How far to move [start, end] for it to lie in [low, high]; what is too long keeps its start in view. */
function shift(start: number, end: number, low: number, high: number): number {
  if (start < low || end - start > high - low) return low - start;
  return Math.min(0, high - end);
}
