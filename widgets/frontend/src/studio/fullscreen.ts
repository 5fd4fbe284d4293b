import { type KeyboardEvent, type RefObject, useEffect, useState } from "react";

export interface Fullscreen {
  on: boolean;
  toggle: () => void;
  /** Escape leaves. */
  onKeyDown: (event: KeyboardEvent) => void;
}

/** Lets the widget around an element fill the screen, or the window where the browser refuses the screen. */
export function useFullscreen(element: RefObject<HTMLElement | null>): Fullscreen {
  const [screen, setScreen] = useState(false);
  const [page, setPage] = useState(false);

  useEffect(() => {
    const update = () => setScreen(document.fullscreenElement?.contains(element.current) ?? false);
    document.addEventListener("fullscreenchange", update);
    return () => document.removeEventListener("fullscreenchange", update);
  }, [element]);

  const enter = async () => {
    const widget = element.current?.closest<HTMLElement>(".fl-root");
    try {
      await widget!.requestFullscreen();
    } catch {
      setPage(true);
    }
  };
  const leave = () => {
    setPage(false);
    if (document.fullscreenElement) void document.exitFullscreen();
  };
  useEffect(() => {
    element.current?.closest(".fl-root")?.toggleAttribute("data-fills-page", page);
  }, [element, page]);

  const on = screen || page;
  return {
    on,
    toggle: () => void (on ? leave() : enter()),
    onKeyDown: (event) => {
      if (on && event.key === "Escape" && !event.defaultPrevented) leave();
    },
  };
}
