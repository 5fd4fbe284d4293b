import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from "react";
import { Canvas, Inspector, Palette, useSelected } from "../graph";
import { useFullscreen } from "./fullscreen";
import { Pane, type PaneState, usePane } from "./Pane";
import { useRemembered } from "./remembered";
import { Separator } from "./Separator";
import { type Tab, Tabs } from "./Tabs";
import "./studio.css";

/** Below these widths, in pixels, a side pane is folded until someone unfolds it. */
const ROOM_FOR_PALETTE = 640;
const ROOM_FOR_INSPECTOR = 1200;

interface WorkbenchProps {
  /** Names the layout in the browser's memory and for styles. */
  layout: "studio" | "editor";
  title: string;
  /** The least height in pixels. */
  minimum: number;
  /** The panels below the canvas. */
  tabs: readonly Tab[];
  /** Whether they are folded until someone unfolds them. */
  folded: boolean;
}

/** Palette, canvas and inspector side by side, with panels below. */
export function Workbench({ layout, title, minimum, tabs, folded }: WorkbenchProps) {
  const bench = useRef<HTMLDivElement>(null);
  const [height, setHeight] = useRemembered<number>(`${layout}.height`);
  const width = useWidth(bench);
  const fullscreen = useFullscreen(bench);
  const palette = usePane("palette", width !== null && width < ROOM_FOR_PALETTE);
  const inspector = usePane("inspector", width !== null && width < ROOM_FOR_INSPECTOR);
  const below = usePane(`${layout}.tabs`, folded);
  useInspections(() => inspector.fold(false));
  return (
    <div
      className="fl-studio"
      data-layout={layout}
      data-testid={layout}
      ref={bench}
      style={{ height: height ?? undefined }}
      onKeyDown={fullscreen.onKeyDown}
    >
      {width !== null && <Middle palette={palette} inspector={inspector} />}
      <Tabs state={below} tabs={tabs}>
        <button
          type="button"
          className="fl-button fl-tabs-action"
          data-testid="fullscreen"
          aria-pressed={fullscreen.on}
          onClick={fullscreen.toggle}
        >
          {fullscreen.on ? "Leave full screen" : "Full screen"}
        </button>
      </Tabs>
      {!fullscreen.on && (
        <Separator
          label={`Resize the ${title}`}
          edge="bottom"
          pane={bench}
          minimum={minimum}
          maximum={2000}
          onResize={setHeight}
          testId={`resize-${layout}`}
        />
      )}
    </div>
  );
}

/** The canvas between the two panes. */
function Middle({ palette, inspector }: { palette: PaneState; inspector: PaneState }) {
  return (
    <div className="fl-studio-middle">
      <Pane name="palette" title="Palette" side="left" state={palette}>
        <Palette />
      </Pane>
      <div className="fl-studio-canvas">
        <Canvas />
      </div>
      <Pane name="inspector" title="Inspector" side="right" state={inspector}>
        <Inspector />
      </Pane>
    </div>
  );
}

/** Call `open` whenever someone wishes to edit what is selected. */
function useInspections(open: () => void): void {
  const inspections = useSelected((session) => session.inspections);
  const seen = useRef(inspections);
  useEffect(() => {
    if (inspections !== seen.current) open();
    seen.current = inspections;
  });
}

/** The width of an element in pixels, as it is now; null until it has one, since what fits is chosen by it. */
function useWidth(element: RefObject<HTMLElement | null>): number | null {
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
