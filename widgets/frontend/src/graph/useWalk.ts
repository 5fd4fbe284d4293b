import { useReactFlow } from "@xyflow/react";
import { type FocusEvent, type KeyboardEvent, type RefObject, useCallback, useMemo, useRef } from "react";
import { flushSync } from "react-dom";
import { ESCAPE } from "./commands";
import type { FlowEdge, FlowNode } from "./flow";
import { focusSoon, nodeSelector } from "./focusing";
import { useSession } from "./GraphProvider";
import type { Box } from "./place";
import { nameOf, selectionAt, selectOnly, toggleSelected } from "./selecting";
import { focusCanvas, useCommands } from "./useCommands";
import { useReveal } from "./useReveal";
import { inReadingOrder, nearest } from "./walking";

/** How far an arrow key moves the view, and with Shift, in pixels. */
const STEP = 80;
const PAGE = 400;

const ARROWS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/**
 * Keys that go about the graph. The canvas is one stop of Tab, and the node that was left last is the next one, so that
 * a large graph is no long way: from there, up and down go from node to node, Ctrl with left and right along wires.
 * From afar, where the graph is one picture, there are no nodes to go to.
 */
export function useWalk(canvas: RefObject<HTMLElement | null>, afar: boolean) {
  const session = useSession();
  const run = useCommands();
  const reveal = useReveal();
  const { getEdges, getEdge, getViewport, setViewport, flowToScreenPosition } = useReactFlow<FlowNode, FlowEdge>();
  const last = useRef<{ id: string; box: Box } | null>(null);

  const onFocus = useCallback(
    ({ target }: FocusEvent) => {
      const id = target.closest<HTMLElement>(".react-flow__node")?.dataset.id;
      const box = id === undefined ? undefined : session.maker.shown(id);
      if (id !== undefined && box) last.current = { id, box };
    },
    [session],
  );

  const onKey = useMemo(() => {
    const { store, maker } = session;
    const order = () => inReadingOrder(maker.mapped(store.view));
    const go = (id: string | undefined): boolean => {
      const box = id === undefined ? undefined : maker.shown(id);
      if (id === undefined || !box) return false;
      reveal(box);
      focusSoon(canvas.current, nodeSelector(id));
      return true;
    };
    const isSeen = ({ box }: { box: Box }): boolean => {
      const bounds = canvas.current?.getBoundingClientRect();
      const { x, y } = flowToScreenPosition(box);
      return bounds !== undefined && x >= bounds.left && x < bounds.right && y >= bounds.top && y < bounds.bottom;
    };
    /** The node that was left last, or what is selected, or the first that is seen. */
    const enter = (): boolean => {
      const items = order();
      const before = last.current;
      if (before) return go(items.find(({ id }) => id === before.id)?.id ?? nearest(items, before.box)?.id);
      return go((items.find(({ id }) => session.selectedNodes.has(id)) ?? items.find(isSeen) ?? items[0])?.id);
    };
    const pan = ([x, y]: [number, number], by: number): boolean => {
      const viewport = getViewport();
      void setViewport({ ...viewport, x: viewport.x - x * by, y: viewport.y - y * by });
      return true;
    };
    const onCanvas = ({ key, shiftKey }: KeyboardEvent): boolean => {
      if (ARROWS[key]) return pan(ARROWS[key], shiftKey ? PAGE : STEP);
      return !afar && !shiftKey && (key === "Tab" ? enter() : toEnd(key));
    };
    const toEnd = (key: string): boolean =>
      (key === "Home" && go(order()[0]?.id)) || (key === "End" && go(order().at(-1)?.id));
    /** Up and down, from the one with this id. */
    const step = (id: string, by: number): boolean => {
      const items = order();
      return go(items[items.findIndex((item) => item.id === id) + by]?.id) || true;
    };
    /** To what it feeds, or what feeds it. */
    const along = (id: string, by: number): boolean => {
      const ends = getEdges().flatMap(({ source, target }) =>
        by > 0 ? (source === id ? [target] : []) : target === id ? [source] : [],
      );
      const found = order().find((item) => ends.includes(item.id));
      if (!found) store.announce(by > 0 ? "It feeds no other" : "No other feeds it");
      return found === undefined || go(found.id);
    };
    const onNode = ({ key, shiftKey, ctrlKey, metaKey }: KeyboardEvent, id: string): boolean => {
      const [x, y] = ARROWS[key] ?? [0, 0];
      if (shiftKey && (x !== 0 || y !== 0) && !session.selectedNodes.has(id)) flushSync(() => session.select([id]));
      if (shiftKey) return false; // React Flow moves what is selected
      if (ctrlKey || metaKey) return x !== 0 && along(id, x);
      return y === 0 ? toEnd(key) : step(id, y);
    };
    /** Leave what is open, or else the node or wire. */
    const leave = (target: HTMLElement): boolean => {
      if (session.wiring || store.refusal) run(ESCAPE, target);
      else {
        session.select([]);
        focusCanvas(target);
      }
      return true;
    };

    return (event: KeyboardEvent): boolean => {
      const target = event.target as HTMLElement;
      if (event.altKey) return false;
      if (target === event.currentTarget) return !event.ctrlKey && !event.metaKey && onCanvas(event);
      if (!target.matches(".react-flow__node, .react-flow__edge")) return false;
      const here = selectionAt(target, getEdge);
      if (!here) return false;
      if (event.key === "Escape") return leave(target);
      const several = event.shiftKey || event.ctrlKey || event.metaKey;
      if (event.key === " " || (event.key === "Enter" && several)) {
        if (!event.repeat) (several ? toggleSelected : selectOnly)(session, here, nameOf(session, here));
        return true;
      }
      return here.nodes[0] !== undefined && onNode(event, here.nodes[0]);
    };
  }, [session, run, reveal, canvas, afar, getEdges, getEdge, getViewport, setViewport, flowToScreenPosition]);

  return { onKey, onFocus };
}
