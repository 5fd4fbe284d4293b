import { useReactFlow } from "@xyflow/react";
import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from "react";
import { Canvas, GraphProvider, Inspector, Palette, ProblemList, useGraph, useSelected, useSession } from "../graph";
import type { Host } from "../host";
import { Board } from "../run/Board";
import { type Fullscreen, useFullscreen } from "./fullscreen";
import { Pane, type PaneState, usePane } from "./Pane";
import { useRemembered } from "./remembered";
import { Separator } from "./Separator";
import { Tabs } from "./Tabs";
import "./studio.css";

/** Below these widths, in pixels, a side pane is folded until someone unfolds it. */
const ROOM_FOR_PALETTE = 640;
const ROOM_FOR_INSPECTOR = 1200;

/** The whole workshop: wire the graph, train it, look inside. */
export function Studio({ host }: { host: Host }) {
  return (
    <GraphProvider host={host}>
      <Layout host={host} />
    </GraphProvider>
  );
}

function Layout({ host }: { host: Host }) {
  const studio = useRef<HTMLDivElement>(null);
  const [height, setHeight] = useRemembered<number>("height");
  const width = useWidth(studio);
  const fullscreen = useFullscreen(studio);
  const palette = usePane("palette", width !== null && width < ROOM_FOR_PALETTE);
  const inspector = usePane("inspector", width !== null && width < ROOM_FOR_INSPECTOR);
  useInspections(() => inspector.fold(false));
  return (
    <div className="fl-studio" ref={studio} style={{ height: height ?? undefined }} onKeyDown={fullscreen.onKeyDown}>
      {width !== null && <Middle palette={palette} inspector={inspector} />}
      <Panels host={host} fullscreen={fullscreen} />
      {!fullscreen.on && (
        <Separator
          label="Resize the Studio"
          edge="bottom"
          pane={studio}
          minimum={420}
          maximum={2000}
          onResize={setHeight}
          testId="resize-studio"
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
      <main className="fl-studio-canvas">
        <Canvas />
      </main>
      <Pane name="inspector" title="Inspector" side="right" state={inspector}>
        <Inspector />
      </Pane>
    </div>
  );
}

function Panels({ host, fullscreen }: { host: Host; fullscreen: Fullscreen }) {
  const session = useSession();
  const { problems } = useGraph();
  const state = usePane("tabs", false);
  const { fitView } = useReactFlow();
  const showNode = (id: string) => {
    session.select([id]);
    void fitView({ nodes: [{ id }], maxZoom: 1, padding: 0.5 });
  };
  const training = host.state.run ? <Board host={host} onSelectNode={showNode} /> : <NoData />;
  return (
    <Tabs
      state={state}
      tabs={[
        { id: "training", title: "Training", content: training },
        { id: "problems", title: "Problems", count: problems.length, content: <ProblemList /> },
      ]}
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
  );
}

function NoData() {
  return (
    <div className="fl-studio-note">
      There is no data to train on. Give the Studio some: <code>Studio(graph, data)</code>
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
