import type { NodeChange } from "@xyflow/react";
import { useCallback, useEffect, useRef, useState } from "react";
import type { Drag, FlowNode } from "./flow";
import type { GraphStore } from "./store";

/** How long the arrow keys rest before the moves they made count as one edit, in milliseconds. */
const REST = 400;

/**
 * Where nodes are while they are being moved, ahead of the document. What was moved becomes one edit: when the drag
 * ends, or when the arrow keys (which give no other sign) have rested.
 */
export function useDrags(store: GraphStore) {
  const [drags, setDrags] = useState<ReadonlyMap<string, Drag>>(new Map());
  const latest = useRef(drags);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  const show = useCallback((next: ReadonlyMap<string, Drag>) => {
    latest.current = next;
    setDrags(next);
  }, []);

  const handIn = useCallback(() => {
    clearTimeout(timer.current);
    const moved = [...latest.current].filter(([id]) => store.view.nodes.has(id));
    if (latest.current.size === 0) return;
    show(new Map());
    store.edit(
      moved
        .map(([id, { x, y }]) => ({ op: "move" as const, id, x: Math.round(x), y: Math.round(y) }))
        .filter(({ id, x, y }) => store.view.nodes.get(id)?.x !== x || store.view.nodes.get(id)?.y !== y),
    );
  }, [store, show]);

  const move = useCallback(
    (changes: readonly NodeChange<FlowNode>[]) => {
      const next = new Map(latest.current);
      let moving = false;
      let dragged = false;
      for (const change of changes) {
        if (change.type !== "position") continue;
        moving = true;
        const before = next.get(change.id);
        dragged ||= before?.dragging === true || change.dragging === true;
        const position = change.position ?? before;
        if (position) next.set(change.id, { x: position.x, y: position.y, dragging: change.dragging === true });
      }
      if (!moving) return;
      show(next);
      clearTimeout(timer.current);
      if ([...next.values()].some(({ dragging }) => dragging)) return;
      if (dragged) handIn();
      else timer.current = setTimeout(handIn, REST);
    },
    [show, handIn],
  );

  useEffect(() => {
    store.beforeEdit.add(handIn);
    return () => {
      store.beforeEdit.delete(handIn);
      handIn();
    };
  }, [store, handIn]);

  return { drags, move };
}
