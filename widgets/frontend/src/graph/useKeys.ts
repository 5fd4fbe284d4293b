import { useStoreApi } from "@xyflow/react";
import { type KeyboardEvent, useCallback } from "react";
import { useSession } from "./GraphProvider";
import { scopeId } from "./scopes";
import { useFit } from "./useFit";

/** What the keys do that work wherever the focus is, except in a text field. */
export function useKeys(): (event: KeyboardEvent<HTMLElement>) => void {
  const session = useSession();
  const flow = useStoreApi();
  const fit = useFit("selected");

  return useCallback(
    (event) => {
      if (isTextField(event.target as HTMLElement)) return;
      const action = actionOf(event);
      const focused = (event.target as HTMLElement).closest<HTMLElement>(".react-flow__node")?.dataset.id;
      const actions: Record<Action, () => void> = {
        remove: () => session.removeSelected(),
        undo: () => session.store.history("undo"),
        redo: () => session.store.history("redo"),
        all: () => session.selectAll(),
        inspect: () => session.inspect(),
        fit,
        fold: () => keepFocus(event.currentTarget, session.toggleFold(focused ?? [...session.selectedNodes][0])),
        foldAll: () => {
          session.foldAll();
          keepFocus(event.currentTarget, focused === undefined ? null : session.hiding(focused));
        },
        group: () => session.group(),
        ungroup: () => session.ungroup(),
        bypass: () => session.bypassSelected(),
        escape: () => {
          flow.getState().cancelConnection();
          flow.setState({ connectionClickStartHandle: null });
          session.endWiring();
          session.store.dismissRefusal();
        },
      };
      if (action === null) return;
      event.preventDefault();
      actions[action]();
      if (action === "remove" || action === "ungroup") focusCanvas(event.currentTarget);
    },
    [session, flow, fit],
  );
}

type Action =
  | "remove"
  | "undo"
  | "redo"
  | "all"
  | "inspect"
  | "fit"
  | "fold"
  | "foldAll"
  | "group"
  | "ungroup"
  | "bypass"
  | "escape";

function actionOf({ key, ctrlKey, metaKey, shiftKey, altKey }: KeyboardEvent): Action | null {
  if (altKey) return null;
  if (ctrlKey || metaKey) {
    switch (key.toLowerCase()) {
      case "z":
        return shiftKey ? "redo" : "undo";
      case "y":
        return "redo";
      case "a":
        return "all";
      case "b":
        return "bypass";
      case "g":
        return shiftKey ? "ungroup" : "group";
      default:
        return null;
    }
  }
  switch (key) {
    case "Delete":
    case "Backspace":
      return "remove";
    case "F2":
      return "inspect";
    case ".":
      return "fit";
    case "f":
      return "fold";
    case "F":
      return "foldAll";
    case "Escape":
      return "escape";
    default:
      return null;
  }
}

/** Whether keys write there. */
export function isTextField(element: HTMLElement): boolean {
  return element.matches("input, textarea, select") || element.isContentEditable;
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
