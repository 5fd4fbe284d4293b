import type { KeyboardEvent, PointerEvent, RefObject } from "react";

/** The edge of a pane that the separator moves along; "top" means that dragging up makes the pane larger. */
export type Edge = "right" | "left" | "top" | "bottom";

interface SeparatorProps {
  label: string;
  /** Which edge of the pane it is. */
  edge: Edge;
  pane: RefObject<HTMLElement | null>;
  minimum: number;
  maximum: number;
  /** A new size in pixels; null goes back to the size it had at first. */
  onResize: (size: number | null) => void;
  testId: string;
}

const STEP = 16;

/** A line that resizes the pane beside it, by mouse or by arrow keys; a double-click goes back to the first size. */
export function Separator({ label, edge, pane, minimum, maximum, onResize, testId }: SeparatorProps) {
  const upright = edge === "left" || edge === "right";
  const outward = edge === "right" || edge === "bottom" ? 1 : -1;
  const size = () => {
    const box = pane.current!.getBoundingClientRect();
    return upright ? box.width : box.height;
  };
  const resize = (wanted: number) => onResize(Math.round(Math.min(maximum, Math.max(minimum, wanted))));

  const onPointerDown = (event: PointerEvent<HTMLElement>) => {
    if (event.button !== 0) return;
    const line = event.currentTarget;
    const along = (at: { clientX: number; clientY: number }) => (upright ? at.clientX : at.clientY);
    const [began, first] = [along(event), size()];
    const move = (now: globalThis.PointerEvent) => resize(first + outward * (along(now) - began));
    line.setPointerCapture(event.pointerId);
    line.addEventListener("pointermove", move);
    line.addEventListener("lostpointercapture", () => line.removeEventListener("pointermove", move), { once: true });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const larger = { right: "ArrowRight", left: "ArrowLeft", top: "ArrowUp", bottom: "ArrowDown" }[edge];
    const smaller = { right: "ArrowLeft", left: "ArrowRight", top: "ArrowDown", bottom: "ArrowUp" }[edge];
    if (event.key === larger) resize(size() + STEP);
    else if (event.key === smaller) resize(size() - STEP);
    else if (event.key === "Home") onResize(null);
    else return;
    event.preventDefault();
  };

  return (
    <div
      className="fl-separator"
      data-edge={edge}
      data-testid={testId}
      role="separator"
      aria-orientation={upright ? "vertical" : "horizontal"}
      aria-label={label}
      aria-valuemin={minimum}
      aria-valuemax={maximum}
      ref={(line) => line?.setAttribute("aria-valuenow", String(pane.current ? Math.round(size()) : minimum))}
      tabIndex={0}
      title={`${label}: drag, or use the arrow keys. Double-click for the first size.`}
      onPointerDown={onPointerDown}
      onKeyDown={onKeyDown}
      onDoubleClick={() => onResize(null)}
    />
  );
}
