import { useState } from "react";

/** State that outlives the page, where the browser lets us keep anything; null until it was set. */
export function useRemembered<T>(name: string): [T | null, (value: T | null) => void] {
  const key = `flowloom.studio.${name}`;
  const [value, setValue] = useState<T | null>(() => recall(key));
  const remember = (next: T | null) => {
    setValue(next);
    keep(key, next);
  };
  return [value, remember];
}

function recall<T>(key: string): T | null {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null") as T | null;
  } catch {
    return null; // no storage here, or something else wrote there
  }
}

function keep(key: string, value: unknown): void {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // no storage here: then it lasts as long as the page
  }
}
