import { useReactFlow, useStore } from "@xyflow/react";
import { type PointerEvent, useEffect, useMemo, useRef } from "react";
import { type Colours, useColours } from "./colours";
import { useFolds, useGraph, useSelected, useSession } from "./GraphProvider";
import type { Mapped } from "./stage";
import { type Box, boundsOf } from "./place";
import "./minimap.css";

const WIDTH = 176;
const HIGHEST = 112;
const LOWEST = 40;
const MARGIN = 6;
/** On a narrower canvas it would cover what it maps. */
const ROOM = 520;

/** Where the view is in all of the graph, as long as that is not all to be seen; a press or a drag moves it. */
export function Minimap() {
  const session = useSession();
  const view = useGraph();
  const folds = useFolds();
  const shown = useSelected(({ map }) => map);
  const items = useMemo(() => session.maker.mapped(view), [session, view, folds]);
  const bounds = useMemo(() => boundsOf(items.map(({ box }) => box)), [items]);
  const seen = useSeen();
  if (!shown || bounds === null || seen === null || seen.screen < ROOM || within(bounds, seen)) return null;
  return <Map items={items} bounds={bounds} seen={seen} />;
}

function Map({ items, bounds, seen }: { items: readonly Mapped[]; bounds: Box; seen: Box }) {
  const { setCenter, getZoom } = useReactFlow();
  const picture = useRef<HTMLCanvasElement>(null);
  const place = useRef<HTMLDivElement>(null);
  const colours = useColours(place);
  const scale = Math.min((WIDTH - 2 * MARGIN) / bounds.width, (HIGHEST - 2 * MARGIN) / bounds.height);
  const height = Math.max(LOWEST, Math.round(bounds.height * scale + 2 * MARGIN));
  const left = (WIDTH - bounds.width * scale) / 2 - bounds.x * scale;
  const top = (height - bounds.height * scale) / 2 - bounds.y * scale;

  useEffect(() => {
    if (picture.current && colours) draw(picture.current, items, { scale, left, top, height }, colours);
  }, [items, scale, left, top, height, colours]);

  const go = ({ currentTarget, clientX, clientY }: PointerEvent<HTMLElement>) => {
    const { x, y } = currentTarget.getBoundingClientRect();
    void setCenter((clientX - x - left) / scale, (clientY - y - top) / scale, { zoom: getZoom() });
  };
  return (
    <div
      ref={place}
      className="fl-map nopan nodrag"
      data-testid="minimap"
      aria-hidden /* the keyboard has the search and `.` */
      style={{ width: WIDTH, height }}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        go(event);
      }}
      onPointerMove={(event) => event.currentTarget.hasPointerCapture(event.pointerId) && go(event)}
    >
      <canvas ref={picture} style={{ width: WIDTH, height }} />
      <div
        className="fl-map-view"
        data-testid="minimap-view"
        style={{
          transform: `translate(${seen.x * scale + left}px, ${seen.y * scale + top}px)`,
          width: seen.width * scale,
          height: seen.height * scale,
        }}
      />
    </div>
  );
}

/** The part of the flow that is in view, and how wide that is on the screen; null before there is a screen. */
function useSeen(): (Box & { screen: number }) | null {
  const x = useStore(({ transform }) => transform[0]);
  const y = useStore(({ transform }) => transform[1]);
  const zoom = useStore(({ transform }) => transform[2]);
  const width = useStore((state) => state.width);
  const height = useStore((state) => state.height);
  if (width === 0) return null;
  return { x: -x / zoom, y: -y / zoom, width: width / zoom, height: height / zoom, screen: width };
}

function within(inner: Box, outer: Box): boolean {
  return (
    inner.x >= outer.x &&
    inner.y >= outer.y &&
    inner.x + inner.width <= outer.x + outer.width &&
    inner.y + inner.height <= outer.y + outer.height
  );
}

/** Draws each item as a block in its hue, and open scopes as frames around theirs. */
function draw(
  canvas: HTMLCanvasElement,
  items: readonly Mapped[],
  { scale, left, top, height }: { scale: number; left: number; top: number; height: number },
  colours: Colours,
): void {
  const sharp = window.devicePixelRatio || 1;
  canvas.width = WIDTH * sharp;
  canvas.height = height * sharp;
  const context = canvas.getContext("2d");
  if (!context) return;
  context.scale(sharp, sharp);
  for (const { box, hue, framed } of items) {
    const [x, y] = [box.x * scale + left, box.y * scale + top];
    const [wide, tall] = [Math.max(1, box.width * scale), Math.max(1, box.height * scale)];
    if (framed) {
      context.strokeStyle = colours("var(--fl-border-strong)");
      context.strokeRect(x, y, wide, tall);
    } else {
      context.fillStyle = colours(hue);
      context.fillRect(x, y, wide, tall);
    }
  }
}
