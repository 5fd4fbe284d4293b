import { type KeyboardEvent, useCallback } from "react";
import { commandOf } from "./commands";
import { useCommands } from "./useCommands";

/** What the keys do that work wherever the focus is, except in a text field, where only what runs does. */
export function useKeys(): (event: KeyboardEvent<HTMLElement>) => void {
  const run = useCommands();
  return useCallback(
    (event) => {
      const target = event.target as HTMLElement;
      const command = event.defaultPrevented ? null : commandOf(event);
      if (command === null || (isTextField(target) && !command.everywhere)) return;
      event.preventDefault();
      run(command, target);
    },
    [run],
  );
}

/** Whether keys write there. */
export function isTextField(element: HTMLElement): boolean {
  return element.matches("input, textarea, select") || element.isContentEditable;
}
