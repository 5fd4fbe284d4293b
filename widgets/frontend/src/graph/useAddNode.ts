import { useReactFlow, useStoreApi } from "@xyflow/react";
import { useMemo } from "react";
import { addNode } from "./edits";
import { geometryOf } from "./geometry";
import { useSession } from "./GraphProvider";
import { type Box, free } from "./place";
import { portsOf } from "./ports";

/** Ways to add a node of a kind; the new node is selected. */
export function useAddNode() {
  const session = useSession();
  const flow = useReactFlow();
  const state = useStoreApi();
  return useMemo(() => {
    const { store } = session;
    /** Adds a node with its middle at a point of the flow; with `settle` beside what is there, and brought into view. */
    const add = (kind: string, x: number, y: number, settle: boolean): void => {
      const info = store.kinds.get(kind);
      if (!info) return;
      const { node } = addNode(store.view, info, x, y);
      const { width, height } = geometryOf(node, portsOf(node, info, undefined, []), info.label);
      const box = { x: x - width / 2, y: y - height / 2, width, height };
      const others = flow.getNodes().map(({ position, ...size }) => ({ ...position, ...sized(size) }));
      const at = settle ? free(box, others) : box;
      store.edit([{ op: "add_node", node: { ...node, x: Math.round(at.x), y: Math.round(at.y) } }]);
      session.select([node.id]);
      if (settle) reveal({ ...at, width, height });
    };
    const reveal = (box: Box): void => {
      const bounds = canvas();
      if (!bounds) return;
      const { x: left, y: top } = flow.flowToScreenPosition(box);
      const { x: right, y: bottom } = flow.flowToScreenPosition({ x: box.x + box.width, y: box.y + box.height });
      if (left >= bounds.left && top >= bounds.top && right <= bounds.right && bottom <= bounds.bottom) return;
      void flow.setCenter(box.x + box.width / 2, box.y + box.height / 2, { zoom: flow.getZoom() });
    };
    const canvas = (): DOMRect | undefined => state.getState().domNode?.getBoundingClientRect();
    return {
      canAdd: (kind: string): boolean => store.kinds.has(kind),
      /** In the middle of what is seen of the canvas, beside what is there. */
      addAtCentre: (kind: string): void => {
        const bounds = canvas();
        if (!bounds) return;
        const { x, y } = flow.screenToFlowPosition({
          x: bounds.left + bounds.width / 2,
          y: bounds.top + bounds.height / 2,
        });
        add(kind, x, y, true);
      },
      /** Where it is dropped; off the canvas nothing happens. */
      addAtPointer: (kind: string, clientX: number, clientY: number): void => {
        const bounds = canvas();
        if (!bounds || clientX < bounds.left || clientX > bounds.right) return;
        if (clientY < bounds.top || clientY > bounds.bottom) return;
        const { x, y } = flow.screenToFlowPosition({ x: clientX, y: clientY });
        add(kind, x, y, false);
      },
    };
  }, [session, flow, state]);
}

function sized({ width, height }: { width?: number; height?: number }): { width: number; height: number } {
  return { width: width ?? 0, height: height ?? 0 };
}
