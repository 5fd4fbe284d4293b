import { useReactFlow, useStoreApi } from "@xyflow/react";
import { type KeyboardEvent, type MouseEvent, useMemo } from "react";
import { useSession } from "./GraphProvider";
import { isEnd } from "./families";
import { portsOf } from "./ports";
import type { GraphStore, PortEnd } from "./store";
import { isTextField } from "./useKeys";

/** Ways to open the lists of the canvas: by double-click, where a wire is dropped, and by keys. */
export function useMenus() {
  const session = useSession();
  const flow = useReactFlow();
  const state = useStoreApi();
  return useMemo(() => {
    /** At a point of the window. */
    const addAt = (x: number, y: number, source: PortEnd | null = null, target: PortEnd | null = null): void => {
      const at = { x, y };
      session.openMenu({ what: "add", at, point: flow.screenToFlowPosition(at), source, target });
    };
    /** After the node that has the focus or is selected, wired to it; on such a wire; or in the middle. */
    const addHere = (focused: HTMLElement): void => {
      const bounds = state.getState().domNode?.getBoundingClientRect();
      if (!bounds) return;
      const [node, wire] = [".react-flow__node", ".react-flow__edge"].map((what) => idOf(focused, what));
      if (node !== undefined && !session.selectedNodes.has(node)) session.select([node]);
      if (wire !== undefined && !session.selectedEdges.has(wire)) session.select([], [wire]);
      const edges = session.edges();
      const edge = edges.length === 1 && session.selectedNodes.size === 0 ? edges[0] : undefined;
      const beside = edge?.target ?? (session.selectedNodes.size === 1 ? [...session.selectedNodes][0] : undefined);
      const box = beside === undefined ? undefined : session.maker.shown(beside);
      const at = box
        ? flow.flowToScreenPosition(edge ? box : { x: box.x + box.width + 16, y: box.y })
        : { x: bounds.left + bounds.width / 2 - 132, y: bounds.top + bounds.height / 4 };
      const source = edge ? { node: edge.source, port: edge.source_port } : outputOf(session.store, beside);
      const target = edge ? { node: edge.target, port: edge.target_port } : null;
      session.openMenu({ what: "add", at, point: null, source, target });
    };
    return {
      addAt,
      addHere,
      onDoubleClick: (event: MouseEvent): void => {
        if ((event.target as Element).matches(".react-flow__pane")) addAt(event.clientX, event.clientY);
      },
      /** Whether the key was for this. */
      onKey: (event: KeyboardEvent): boolean => {
        const target = event.target as HTMLElement;
        const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey;
        if (!plain || isTextField(target)) return false;
        if (event.key !== "a" && !(event.key === "Enter" && target === event.currentTarget)) return false;
        addHere(target);
        return true;
      },
    };
  }, [session, flow, state]);
}

/** The first output of a node, which what comes after it reads; null for one that only measures. */
function outputOf({ view, kinds }: GraphStore, id: string | undefined): PortEnd | null {
  const node = id === undefined ? undefined : view.nodes.get(id);
  const kind = node && kinds.get(node.kind);
  if (!node || isEnd(kind)) return null;
  const port = portsOf(node, kind, view.info.get(node.id), []).outputs[0];
  return port ? { node: node.id, port: port.name } : null;
}

/** The id of the node or wire that has an element. */
function idOf(element: HTMLElement, what: string): string | undefined {
  return element.closest<HTMLElement>(what)?.dataset.id;
}
