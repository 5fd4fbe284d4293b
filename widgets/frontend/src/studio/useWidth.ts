import { type RefObject, useLayoutEffect, useState } from "react";

/** The width of an element in pixels, as it is now; null until it has one, since what fits is chosen by it. */
export function useWidth(element: RefObject<HTMLElement | null>): number | null {
  const [width, setWidth] = useState<number | null>(null);
  useLayoutEffect(() => {
    const measure = () => setWidth((known) => element.current?.clientWidth || known);
    const observer = new ResizeObserver(measure);
    observer.observe(element.current!);
    measure();
    return () => observer.disconnect();
  }, [element]);
  return width;
}
