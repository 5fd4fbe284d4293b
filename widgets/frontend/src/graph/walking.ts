import type { Box } from "./place";

interface Item {
  id: string;
  box: Box;
}

/** From left to right as the data flow, and from top to bottom where things begin at one place. */
export function inReadingOrder<T extends Item>(items: readonly T[]): T[] {
  return [...items].sort((a, b) => a.box.x - b.box.x || a.box.y - b.box.y);
}

/** What lies nearest to where something was. */
export function nearest(items: readonly Item[], { x, y }: Box): Item | undefined {
  const far = ({ box }: Item): number => Math.hypot(box.x - x, box.y - y);
  return items.reduce<Item | undefined>((best, item) => (best && far(best) <= far(item) ? best : item), undefined);
}
