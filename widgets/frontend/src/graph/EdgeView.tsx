import { BaseEdge, EdgeLabelRenderer, type EdgeProps, getSmoothStepPath } from "@xyflow/react";
import { memo, useState } from "react";
import type { FlowEdge } from "./flow";
import { useSelected, useSession } from "./GraphProvider";
import { type Route, routeOf } from "./route";
import { wireSign, wordOf } from "./signs";
import "./edges.css";

/** Width of a character of the label, and the room that it needs beside its ends, in pixels at zoom 1. */
const CHARACTER = 6.7;
const MARGIN = 8;

/** The shape alone, in few characters: "batch×8×8×1" for "float32[batch, 8, 8, 1]". */
function shapeOf(spec: string): string {
  return spec.slice(spec.indexOf("[") + 1, -1).replaceAll(", ", "×");
}

/** One wire, with the spec of what it carries: beside it where there is room, above all when pointed at or selected. */
export const EdgeView = memo(function EdgeView(props: EdgeProps<FlowEdge>) {
  const { sourceX, sourceY, targetX, targetY, sourcePosition, targetPosition, data, selected } = props;
  const [pointed, setPointed] = useState(false);
  const aimed = useSelected((session) => session.aimed[0] !== undefined && session.aimed[0] === data?.edge);
  const ends = { sourceX, sourceY, sourcePosition, targetX, targetY, targetPosition };
  const [start, end] = [{ x: sourceX, y: sourceY }, { x: targetX, y: targetY }];
  const { path, label, room } = routeOf(start, end, data?.lane ?? 0, data?.level ?? null) ?? backwards(ends);
  const spec = data?.spec;
  const beside = spec && [spec, shapeOf(spec)].find((text) => room > text.length * CHARACTER + MARGIN);
  const { store } = useSession();
  const sign = wireSign(store, data?.edges ?? []);
  const raised = spec && (pointed || selected);
  return (
    <g
      className="fl-edge"
      data-broken={data?.broken || undefined}
      data-aimed={aimed || undefined}
      data-sign={wordOf(sign)}
      onPointerEnter={() => setPointed(true)}
      onPointerLeave={() => setPointed(false)}
    >
      <BaseEdge path={path} interactionWidth={16} />
      {beside && !raised && (
        <text className="fl-edge-spec" x={label.x} y={label.y - 5}>
          {beside}
        </text>
      )}
      {raised && (
        <EdgeLabelRenderer>
          <div
            className="fl-edge-label"
            style={{ transform: `translate(-50%, -100%) translate(${label.x}px, ${label.y - 6}px)` }}
          >
            {spec}
            {sign && ` (${wordOf(sign)})`}
          </div>
        </EdgeLabelRenderer>
      )}
    </g>
  );
});

/** A wire to something that lies to the left. */
function backwards(ends: Omit<Parameters<typeof getSmoothStepPath>[0], "offset">): Route {
  const [path, x, y] = getSmoothStepPath({ ...ends, offset: 20, borderRadius: 8 });
  return { path, label: { x, y }, room: 0 };
}
