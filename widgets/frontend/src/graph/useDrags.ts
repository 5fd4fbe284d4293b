import type { NodeChange } from "@xyflow/react";
import { useCallback, useEffect, useRef, useState } from "react";
import type { Change } from "../wire";
import type { FlowMaker, FlowNode } from "./flow";
import type { Drag, Drags } from "./stage";
import { scopePath, scopesOf } from "./scopes";
import type { GraphStore } from "./store";

/** How long the arrow keys rest before the moves they made count as one edit, in milliseconds. */
const REST = 400;

/**
 * Where nodes are while they are being moved, ahead of the document. What was moved becomes one edit: when the drag
 * ends, or when the arrow keys (which give no other sign) have rested. `dropped` says what dropping a node does besides.
 */
export function useDrags(store: GraphStore, maker: FlowMaker, dropped: (id: string) => Change[]) {
  const [drags, setDrags] = useState<Drags>(new Map());
  const latest = useRef(drags);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  const show = useCallback((next: Drags) => {
    latest.current = next;
    setDrags(next);
  }, []);

  const handIn = useCallback((besides: Change[] = []) => {
    clearTimeout(timer.current);
    if (latest.current.size === 0) return;
    const { nodes } = store.view;
    const tree = scopesOf(store.view);
    const moved = new Map<string, Drag>(
      [...latest.current].filter(([id]) => nodes.has(id) || tree.has(scopePath(id) ?? "")),
    );
    const places = maker.documentPlaces(moved);
    show(new Map());
    const moves = [...places]
      .filter(([id, { x, y }]) => nodes.get(id)?.x !== x || nodes.get(id)?.y !== y)
      .map(([id, { x, y }]): Change => ({ op: "move", id, x, y }));
    store.edit([...moves, ...besides]);
  }, [store, maker, show]);

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
      const [only] = next.size === 1 ? next.keys() : [];
      if (dragged) handIn(only === undefined ? [] : dropped(only));
      else timer.current = setTimeout(handIn, REST);
    },
    [show, handIn, dropped],
  );

  useEffect(() => {
    const early = () => handIn();
    store.beforeEdit.add(early);
    return () => {
      store.beforeEdit.delete(early);
      handIn();
    };
  }, [store, handIn]);

  return { drags, move };
}
