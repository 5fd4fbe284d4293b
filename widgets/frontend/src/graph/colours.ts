import { type RefObject, useEffect, useState } from "react";

/** CSS colours as a canvas takes them. */
export type Colours = (css: string) => string;

/** Resolves CSS colours, variables among them, where an element stands; another function once the theme is another. */
export function useColours(element: RefObject<HTMLElement | null>): Colours | null {
  const [colours, setColours] = useState<Colours | null>(null);
  useEffect(() => {
    const renew = () => setColours(() => (element.current ? resolver(element.current) : null));
    renew();
    const observer = new MutationObserver(renew);
    observer.observe(document.body, { attributeFilter: ["data-jp-theme-light", "data-jp-theme-name", "class"] });
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", renew);
    return () => {
      observer.disconnect();
      scheme.removeEventListener("change", renew);
    };
  }, [element]);
  return colours;
}

/** Resolves CSS colours where that element stands, as they are now. */
export function resolver(beside: HTMLElement): Colours {
  const known = new Map<string, string>();
  return (css) => {
    const found = known.get(css);
    if (found !== undefined) return found;
    const probe = document.createElement("span");
    probe.style.color = css;
    beside.append(probe);
    const { color } = getComputedStyle(probe);
    probe.remove();
    known.set(css, color);
    return color;
  };
}
