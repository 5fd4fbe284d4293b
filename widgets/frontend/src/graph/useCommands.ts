import { useReactFlow, useStoreApi } from "@xyflow/react";
import { useCallback } from "react";
import { type Command, isForbidden } from "./commands";
import { useSession } from "./GraphProvider";
import { scopeId } from "./scopes";
import { useFit } from "./useFit";
import { useReveal } from "./useReveal";

/** Carries out commands. `from` is an element of the editor: where the key was pressed, or the button. */
export function useCommands(): (command: Command, from: HTMLElement) => void {
  const session = useSession();
  const flow = useStoreApi();
  const { getNode } = useReactFlow();
  const fitAll = useFit("all");
  const fitSelected = useFit("selected");
  const reveal = useReveal();

  return useCallback(
    (command, from) => {
      if (isForbidden(command, session)) return session.store.announce("Nothing can be changed in this view");
      const editor = from.closest<HTMLElement>(".fl-keys") ?? from;
      const focused = from.closest<HTMLElement>(".react-flow__node")?.dataset.id;
      command.run({
        session,
        editor,
        fit: (which) => (which === "all" ? fitAll() : fitSelected()),
        reveal,
        cancelWire: () => {
          flow.getState().cancelConnection();
          flow.setState({ connectionClickStartHandle: null });
        },
        focused: focused !== undefined && getNode(focused) ? focused : undefined,
        focus: (what) => (what === "canvas" ? focusCanvas(editor) : keepFocus(editor, what.scope)),
      });
    },
    [session, flow, getNode, fitAll, fitSelected, reveal],
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
export function focusCanvas(inside: HTMLElement): void {
  inside.closest(".fl-keys")?.querySelector<HTMLElement>("[data-fl-canvas]")?.focus({ preventScroll: true });
}
