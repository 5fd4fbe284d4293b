import { type KeyboardEvent, type RefObject, useEffect, useRef, useState } from "react";
import { Chart } from "./chart";
import { readLook, useThemeVersion } from "./look";
import { asLabel, formatValue } from "./numbers";
import { type RunStore, useRun } from "./store";

/** One measured quantity: its newest values, large, above its two curves. */
export function Plot({ store, name }: { store: RunStore; name: string }) {
  const { state } = useRun(store);
  const [log, setLog] = useState(false);
  const [zoomed, setZoomed] = useState(false);
  const root = useRef<HTMLElement>(null);
  const body = useRef<HTMLDivElement>(null);
  const chart = useChart(store, name, log, setZoomed, root, body);
  useEffect(() => chart.current?.zoomTo(null), [chart, state.run]);
  const readout = state.readouts.find((r) => r.name === name);
  const label = asLabel(name);
  const [train, validation] = [readout?.train ?? null, readout?.validation ?? null];
  const spoken = `${label} by step: train ${formatValue(train)}, validation ${formatValue(validation)}`;

  return (
    <section className="fl-plot" ref={root} data-testid={`plot-${name}`} aria-label={label}>
      <header className="fl-plot-header">
        <h3>{label}</h3>
        <Value name={name} split="train" value={train} />
        <Value name={name} split="validation" value={validation} />
        <span className="fl-plot-tools">
          {zoomed && (
            <button type="button" className="fl-plot-chip" onClick={() => chart.current?.zoomTo(null)}>
              Show all
            </button>
          )}
          {/loss|error/.test(name) && (
            <button
              type="button"
              className="fl-plot-chip"
              aria-pressed={log}
              title="Logarithmic scale"
              onClick={() => setLog(!log)}
            >
              Log
            </button>
          )}
        </span>
      </header>
      <div
        className="fl-plot-body"
        ref={body}
        role="img"
        tabIndex={0}
        aria-label={`${spoken}. Plus and minus zoom, left and right move, 0 shows all.`}
        onKeyDown={(event) => zoomByKey(event, chart.current)}
      />
    </section>
  );
}

function Value({ name, split, value }: { name: string; split: "train" | "validation"; value: number | null }) {
  return (
    <span className="fl-readout" data-split={split}>
      <span className="fl-readout-value fl-number" data-testid={`readout-${name}-${split}`}>
        {formatValue(value)}
      </span>{" "}
      <span className="fl-readout-name">{split}</span>
    </span>
  );
}

function zoomByKey(event: KeyboardEvent, chart: Chart | null): void {
  const moves: Record<string, () => void> = {
    "+": () => chart?.move(0.5, 0),
    "=": () => chart?.move(0.5, 0),
    "-": () => chart?.move(2, 0),
    ArrowLeft: () => chart?.move(1, -0.25),
    ArrowRight: () => chart?.move(1, 0.25),
    "0": () => chart?.zoomTo(null),
  };
  const move = moves[event.key];
  if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
  move();
  event.preventDefault();
}

/** A chart that lives in `body`, follows its size, the theme and the run, and draws at most once a frame. */
function useChart(
  store: RunStore,
  name: string,
  log: boolean,
  onZoom: (zoomed: boolean) => void,
  root: RefObject<HTMLElement | null>,
  body: RefObject<HTMLDivElement | null>,
): RefObject<Chart | null> {
  const chart = useRef<Chart | null>(null);
  const theme = useThemeVersion();

  useEffect(() => {
    const element = body.current!;
    const made = new Chart(element, { name, log, look: readLook(element), onZoom }, chart.current?.zoom);
    chart.current = made;
    const draw = oncePerFrame(() => show(made, store, name, root.current!));
    const resized = new ResizeObserver(() => {
      made.resize(element.clientWidth, element.clientHeight);
      draw.request();
    });
    resized.observe(element);
    const stops = [store.onPoints(draw.request), store.subscribe(draw.request)];
    draw.request();
    return () => {
      for (const stop of stops) stop();
      resized.disconnect();
      draw.cancel();
      made.destroy();
    };
  }, [store, name, log, theme, onZoom, root, body]);
  return chart;
}

function show(chart: Chart, store: RunStore, name: string, root: HTMLElement): void {
  const curves = { train: store.curve(name, "train"), validation: store.curve(name, "validation") };
  root.dataset.points = String(curves.train?.length ?? 0);
  root.dataset.lastStep = String(curves.train?.lastStep ?? "");
  if (root.clientWidth > 0) chart.show(curves, store.view.state.events);
}

function oncePerFrame(work: () => void): { request: () => void; cancel: () => void } {
  let frame = 0;
  const request = () => {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      work();
    });
  };
  return { request, cancel: () => cancelAnimationFrame(frame) };
}
