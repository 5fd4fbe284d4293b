import { type RefObject, useEffect, useState } from "react";
import { isTextField } from "./useKeys";

/** Whether Space is held down over an element or while the focus is in it. Elsewhere the key is the notebook's. */
export function useSpace(element: RefObject<HTMLElement | null>): boolean {
  const [held, setHeld] = useState(false);
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      const target = event.target as HTMLElement;
      if (event.code !== "Space" || isTextField(target) || target.matches("button, summary, a")) return;
      if (!element.current?.matches(":hover, :focus-within")) return;
      event.preventDefault(); // or the page scrolls
      setHeld(true);
    };
    const release = (event: KeyboardEvent | FocusEvent): void => {
      if (event.type === "blur" || (event as KeyboardEvent).code === "Space") setHeld(false);
    };
    document.addEventListener("keydown", press, { capture: true }); // on a node the key also selects, and goes no farther
    document.addEventListener("keyup", release);
    window.addEventListener("blur", release);
    return () => {
      document.removeEventListener("keydown", press, { capture: true });
      document.removeEventListener("keyup", release);
      window.removeEventListener("blur", release);
    };
  }, [element]);
  return held;
}
