import { useStoreApi } from "@xyflow/react";
import { type KeyboardEvent, useCallback } from "react";
import { useSession } from "./GraphProvider";
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
      const actions: Record<Action, () => void> = {
        remove: () => session.removeSelected(),
        undo: () => session.store.history("undo"),
        redo: () => session.store.history("redo"),
        all: () => session.selectAll(),
        inspect: () => session.inspect(),
        fit,
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
      if (action === "remove") focusCanvas(event.currentTarget);
    },
    [session, flow, fit],
  );
}

type Action = "remove" | "undo" | "redo" | "all" | "inspect" | "fit" | "escape";

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

/** Keeps the keyboard in the graph when what had the focus is gone. */
export function focusCanvas(inside: HTMLElement): void {
  inside.closest(".fl-keys")?.querySelector<HTMLElement>("[data-fl-canvas]")?.focus({ preventScroll: true });
}
