import { type RefObject, useEffect, useState } from "react";

/** Whether an element has a size: it is not in a panel that is hidden. */
export function useShown(element: RefObject<HTMLElement | null>): boolean {
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const observer = new ResizeObserver(() => setShown((element.current?.clientHeight ?? 0) > 0));
    observer.observe(element.current!);
    return () => observer.disconnect();
  }, [element]);
  return shown;
}
