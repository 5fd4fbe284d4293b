import { useReactFlow, useStoreApi } from "@xyflow/react";
import { useCallback } from "react";
import { type Command, isForbidden } from "./commands";
import type { FlowEdge, FlowNode } from "./flow";
import { useSession } from "./GraphProvider";
import { scopeId } from "./scopes";
import { selectionAt } from "./selecting";
import { useFit } from "./useFit";
import { useReveal } from "./useReveal";
import { useZoom } from "./useZoom";

/** Carries out commands. `from` is an element of the editor: where the key was pressed, or the button. */
export function useCommands(): (command: Command, from: HTMLElement) => void {
  const session = useSession();
  const flow = useStoreApi();
  const { getNode, getEdge, flowToScreenPosition } = useReactFlow<FlowNode, FlowEdge>();
  const fitAll = useFit("all");
  const fitSelected = useFit("selected");
  const reveal = useReveal();
  const zoom = useZoom();

  return useCallback(
    (command, from) => {
      if (isForbidden(command, session)) return session.store.announce("Nothing can be changed in this view");
      const editor = from.closest<HTMLElement>(".fl-keys") ?? from;
      const focused = from.closest<HTMLElement>(".react-flow__node")?.dataset.id;
      const nothing = session.selectedNodes.size + session.selectedEdges.size === 0;
      const here = nothing && command.idle?.(session) ? selectionAt(from, getEdge) : null;
      if (here) session.select(here.nodes, here.edges);
      if (command.idle?.(session)) session.store.announce("Nothing to do"); // unless it finds something and says so
      command.run({
        session,
        editor,
        fit: (which) => (which === "all" ? fitAll() : fitSelected()),
        reveal,
        zoom: (step) => zoom(step, focused),
        beside: (id) => {
          const box = session.maker.shown(id);
          const { left, top, width, height } = editor.querySelector("[data-fl-canvas]")!.getBoundingClientRect();
          return box ? flowToScreenPosition(box) : { x: left + width / 2, y: top + height / 3 };
        },
        copy: (how) => {
          focusCanvas(editor);
          document.execCommand(how);
        },
        cancelWire: () => {
          flow.getState().cancelConnection();
          flow.setState({ connectionClickStartHandle: null });
        },
        focused: focused !== undefined && getNode(focused) ? focused : undefined,
        focus: (what) => (what === "canvas" ? focusCanvas(editor) : keepFocus(editor, what.scope)),
      });
    },
    [session, flow, getNode, getEdge, flowToScreenPosition, fitAll, fitSelected, reveal, zoom],
  );
}

/** Gives a scope the focus once it is drawn, if a fold has taken away what had it. */
function keepFocus(inside: HTMLElement, path: string | null): void {
  if (path === null) return;
  requestAnimationFrame(() => {
    if (inside.contains(document.activeElement)) return;
    inside.querySelector<HTMLElement>(`.react-flow__node[data-id="${CSS.escape(scopeId(path))}"]`)?.focus();
  });
}

/** Keeps the keyboard in the graph when what had the focus is gone. */
export function focusCanvas(inside: HTMLElement): HTMLElement | null {
  const canvas = inside.closest(".fl-keys")?.querySelector<HTMLElement>("[data-fl-canvas]") ?? null;
  canvas?.focus({ preventScroll: true });
  return canvas;
}
