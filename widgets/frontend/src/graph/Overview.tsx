import { useReactFlow, useStoreApi } from "@xyflow/react";
import { useEffect, useMemo, useRef } from "react";
import { type Colours, useColours } from "./colours";
import type { Mapped, Wire } from "./stage";
import { useFolds, useGraph, useSelected, useSession } from "./GraphProvider";
import type { Box } from "./place";

/** Fewer items than these are elements at any zoom. */
const FEW = 400;
const MANY = 2000;
/** From this zoom on there is room for names. */
const NAMES = 0.25;
/** A node that is opened from afar is shown at this zoom. */
const READABLE = 0.75;

/** The zoom below which so many items are drawn as a picture: as elements they would be too many to move. */
export function overviewBelow(items: number): number {
  return items <= FEW ? 0 : items <= MANY ? 0.25 : 0.5;
}

/** The whole graph as one picture, instead of its elements. A press selects a node, a double press goes to it. */
export function Overview() {
  const session = useSession();
  const view = useGraph();
  const folds = useFolds();
  const selected = useSelected(({ selectedNodes }) => selectedNodes);
  const state = useStoreApi();
  const { screenToFlowPosition, setCenter } = useReactFlow();
  const picture = useRef<HTMLCanvasElement>(null);
  const place = useRef<HTMLDivElement>(null);
  const colours = useColours(place);
  const items = useMemo(() => session.maker.mapped(view), [session, view, folds]);
  const wires = useMemo(() => session.maker.wired(view), [session, view, folds]);

  useEffect(() => {
    if (!picture.current || !colours) return;
    const canvas = picture.current;
    let frame = 0;
    const redraw = () => {
      frame = 0;
      const { transform, width, height } = state.getState();
      draw(canvas, { items, wires, selected, transform, width, height, colours });
    };
    const ask = () => (frame ||= requestAnimationFrame(redraw));
    redraw();
    const stop = state.subscribe(ask);
    return () => {
      stop();
      cancelAnimationFrame(frame);
    };
  }, [state, items, wires, selected, colours]);

  useEffect(() => {
    const pane = state.getState().domNode?.querySelector<HTMLElement>(".react-flow__pane");
    const at = ({ clientX, clientY }: MouseEvent): Mapped | undefined => {
      const { x, y } = screenToFlowPosition({ x: clientX, y: clientY });
      return items.filter(({ box, framed }) => !framed && holds(box, x, y)).at(-1);
    };
    const press = (event: MouseEvent) => {
      const item = at(event);
      session.select(item ? [item.id] : []);
    };
    const open = (event: MouseEvent) => {
      event.stopPropagation(); // near by, it would open the menu of what to add
      const item = at(event);
      if (!item) return;
      const { x, y, width, height } = item.box;
      void setCenter(x + width / 2, y + height / 2, { zoom: READABLE });
    };
    pane?.addEventListener("click", press);
    pane?.addEventListener("dblclick", open);
    return () => {
      pane?.removeEventListener("click", press);
      pane?.removeEventListener("dblclick", open);
    };
  }, [state, items, session, screenToFlowPosition, setCenter]);

  return (
    <div ref={place} className="fl-overview" data-testid="overview" aria-hidden>
      <canvas ref={picture} />
    </div>
  );
}

function holds({ x, y, width, height }: Box, px: number, py: number): boolean {
  return px >= x && py >= y && px <= x + width && py <= y + height;
}

interface Picture {
  items: readonly Mapped[];
  wires: readonly Wire[];
  selected: ReadonlySet<string>;
  transform: readonly [number, number, number];
  width: number;
  height: number;
  colours: Colours;
}

function draw(canvas: HTMLCanvasElement, { items, wires, selected, transform, width, height, colours }: Picture): void {
  const context = canvas.getContext("2d");
  if (!context) return;
  const sharp = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * sharp) || canvas.height !== Math.round(height * sharp)) {
    canvas.width = Math.round(width * sharp);
    canvas.height = Math.round(height * sharp);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const [left, top, zoom] = transform;
  context.setTransform(sharp, 0, 0, sharp, 0, 0);
  context.clearRect(0, 0, width, height);

  context.strokeStyle = colours("var(--fl-text-secondary)");
  context.lineWidth = 1;
  context.beginPath();
  for (const { x1, y1, x2, y2 } of wires) {
    const [a, b, c, d] = [x1 * zoom + left, y1 * zoom + top, x2 * zoom + left, y2 * zoom + top];
    if (Math.max(a, c) < 0 || Math.min(a, c) > width || Math.max(b, d) < 0 || Math.min(b, d) > height) continue;
    context.moveTo(a, b);
    context.lineTo(c, d);
  }
  context.stroke();

  const brand = colours("var(--fl-brand)");
  const [raised, frame, text] = ["surface-raised", "border-strong", "text"].map((name) => colours(`var(--fl-${name})`));
  context.font = `600 ${Math.round(26 * zoom)}px ${getComputedStyle(canvas).fontFamily}`;
  context.textBaseline = "middle";
  for (const { id, box, hue, framed, name } of items) {
    const [x, y] = [box.x * zoom + left, box.y * zoom + top];
    const [wide, tall] = [Math.max(1, box.width * zoom), Math.max(1, box.height * zoom)];
    if (x > width || y > height || x + wide < 0 || y + tall < 0) continue;
    if (framed) {
      context.strokeStyle = frame!;
      context.strokeRect(x, y, wide, tall);
    } else if (zoom < NAMES) {
      context.fillStyle = colours(hue);
      context.fillRect(x, y, wide, tall);
    } else {
      context.fillStyle = raised!;
      context.fillRect(x, y, wide, tall);
      context.strokeStyle = frame!;
      context.strokeRect(x, y, wide, tall);
      context.fillStyle = colours(hue);
      context.fillRect(x, y, 3, tall);
      context.fillStyle = text!;
      context.fillText(fitting(name, box.width / 15), x + 7, y + tall / 2);
    }
    if (!selected.has(id)) continue;
    context.strokeStyle = brand;
    context.lineWidth = 2;
    context.strokeRect(x - 1, y - 1, wide + 2, tall + 2);
    context.lineWidth = 1;
  }
}

/** A name that has room for so many characters. */
function fitting(name: string, room: number): string {
  return name.length <= room ? name : `${name.slice(0, Math.max(1, Math.floor(room) - 1))}…`;
}
