import { useRef } from "react";
import { Canvas, Inspector, Palette, useSession } from "../graph";
import type { Host } from "../host";
import { OpenPictureView, useOpenPicture } from "../picture/PictureView";
import { useFullscreen } from "./fullscreen";
import { Pane, type PaneState, usePane } from "./Pane";
import { useRemembered } from "./remembered";
import { Separator } from "./Separator";
import { type Tab, Tabs } from "./Tabs";
import { useInspections } from "./useInspections";
import { useWidth } from "./useWidth";
import "./studio.css";

/** Below these widths, in pixels, a side pane is folded until someone unfolds it. */
const ROOM_FOR_PALETTE = 640;
const ROOM_FOR_INSPECTOR = 1200;

interface WorkbenchProps {
  host: Host;
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
export function Workbench({ host, layout, title, minimum, tabs, folded }: WorkbenchProps) {
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
      {width !== null && <Middle host={host} palette={palette} inspector={inspector} />}
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

/** The canvas between the two panes, and over them the picture that is open. */
function Middle({ host, palette, inspector }: { host: Host; palette: PaneState; inspector: PaneState }) {
  const picture = useOpenPicture(useSession());
  return (
    <div className="fl-studio-middle">
      <div className="fl-studio-graph" inert={picture !== null}>
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
      {picture && <OpenPictureView open={picture} state={host.state} />}
    </div>
  );
}
