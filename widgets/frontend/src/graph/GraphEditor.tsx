import { useEffect, useRef } from "react";
import type { Host } from "../host";
import { useFullscreen } from "../studio/fullscreen";
import { Pane, usePane } from "../studio/Pane";
import { useRemembered } from "../studio/remembered";
import { Separator } from "../studio/Separator";
import { Tabs } from "../studio/Tabs";
import { Canvas } from "./Canvas";
import { GraphProvider, useGraph, useSelected } from "./GraphProvider";
import { Inspector } from "./Inspector";
import { Palette } from "./Palette";
import { ProblemList } from "./ProblemList";

/** The graph editor: palette, canvas, inspector, and the problems below. */
export function GraphEditor({ host }: { host: Host }) {
  return (
    <GraphProvider host={host}>
      <Panes />
    </GraphProvider>
  );
}

function Panes() {
  const editor = useRef<HTMLDivElement>(null);
  const [height, setHeight] = useRemembered<number>("editor.height");
  const fullscreen = useFullscreen(editor);
  const palette = usePane("palette", false);
  const inspector = usePane("inspector", false);
  const below = usePane("problems", true);
  const { problems } = useGraph();
  const inspections = useSelected((session) => session.inspections);
  const seen = useRef(inspections);

  useEffect(() => {
    if (inspections !== seen.current) inspector.fold(false);
    seen.current = inspections;
  }, [inspections, inspector]);

  return (
    <div
      ref={editor}
      className="fl-studio fl-editor"
      data-testid="graph-editor"
      style={{ height: height ?? 560 }}
      onKeyDown={fullscreen.onKeyDown}
    >
      <div className="fl-studio-middle">
        <Pane name="palette" title="Palette" side="left" state={palette}>
          <Palette />
        </Pane>
        <main className="fl-studio-canvas">
          <Canvas />
        </main>
        <Pane name="inspector" title="Inspector" side="right" state={inspector}>
          <Inspector />
        </Pane>
      </div>
      <Tabs
        state={below}
        tabs={[{ id: "problems", title: "Problems", count: problems.length, content: <ProblemList /> }]}
      >
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
          label="Resize the editor"
          edge="bottom"
          pane={editor}
          minimum={360}
          maximum={2000}
          onResize={setHeight}
          testId="resize-editor"
        />
      )}
    </div>
  );
}
