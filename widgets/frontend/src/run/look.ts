import { useEffect, useState } from "react";

/** The colours and fonts of the theme, resolved for drawing on a canvas. */
export interface Look {
  train: string;
  validation: string;
  secondary: string;
  grid: string;
  font: string;
  codeFont: string;
  size: number;
}

/** Read the tokens of theme.css as they are for this element now. */
export function readLook(element: HTMLElement): Look {
  const probe = document.createElement("span");
  element.append(probe);
  const resolve = (property: "color" | "fontFamily", token: string): string => {
    probe.style[property] = `var(${token})`;
    return getComputedStyle(probe)[property];
  };
  const look = {
    train: resolve("color", "--fl-train"),
    validation: resolve("color", "--fl-validation"),
    secondary: resolve("color", "--fl-text-secondary"),
    grid: resolve("color", "--fl-grid"),
    font: resolve("fontFamily", "--fl-font"),
    codeFont: resolve("fontFamily", "--fl-font-code"),
    size: Number.parseFloat(getComputedStyle(element).getPropertyValue("--fl-size-small")),
  };
  probe.remove();
  return look;
}

/** The attributes of the body by which a host says what theme it has. */
const THEME_ATTRIBUTES = ["data-jp-theme-name", "data-jp-theme-light", "data-vscode-theme-kind"];

/** A number that changes with the theme: JupyterLab's own, or the system's where it decides. */
export function useThemeVersion(): number {
  const [version, setVersion] = useState(0);
  useEffect(() => {
    const next = () => setVersion((now) => now + 1);
    const observer = new MutationObserver(next);
    observer.observe(document.body, { attributes: true, attributeFilter: THEME_ATTRIBUTES });
    const system = matchMedia("(prefers-color-scheme: dark)");
    system.addEventListener("change", next);
    return () => {
      observer.disconnect();
      system.removeEventListener("change", next);
    };
  }, []);
  return version;
}
