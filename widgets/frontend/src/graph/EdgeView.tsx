import { BaseEdge, EdgeLabelRenderer, type EdgeProps, getSmoothStepPath, getStraightPath } from "@xyflow/react";
import { memo, useState } from "react";
import { type FlowEdge, LANES } from "./flow";

/** Width of a character of the label, and the room that it needs beside its ends, in pixels at zoom 1. */
const CHARACTER = 6.7;
const MARGIN = 8;

/** Ends that differ by less in height are joined by a straight line; a step that small looks like a fault. */
const LEVEL = 4;

/** How far apart the upright parts of wires from different nodes are. */
const LANE = 4;

/** How far a wire that goes forwards leaves a port before it may turn. */
const STUB = 8;

/** The shape alone, in few characters: "batch×8×8×1" for "float32[batch, 8, 8, 1]". */
function shapeOf(spec: string): string {
  return spec.slice(spec.indexOf("[") + 1, -1).replaceAll(", ", "×");
}

/** One wire, with the spec of what it carries: beside it where there is room, above all when pointed at or selected. */
export const EdgeView = memo(function EdgeView(props: EdgeProps<FlowEdge>) {
  const { sourceX, sourceY, targetX, targetY, sourcePosition, targetPosition, data, selected } = props;
  const [pointed, setPointed] = useState(false);
  const ends = { sourceX, sourceY, sourcePosition, targetX, targetY, targetPosition };
  const straight = Math.abs(targetY - sourceY) < LEVEL && targetX > sourceX;
  const room = targetX - sourceX;
  const lane = room > LANES * LANE + 2 * STUB ? ((data?.lane ?? 0) - (LANES - 1) / 2) * LANE : 0;
  const centerX = room > 0 ? sourceX + room / 2 + lane : undefined;
  const [path, middleX, middleY] = straight
    ? getStraightPath(ends)
    : getSmoothStepPath({ ...ends, centerX, offset: room > 0 ? STUB : 20, borderRadius: 8 });
  const spec = data?.spec;
  const beside = spec && straight && [spec, shapeOf(spec)].find((text) => room > text.length * CHARACTER + MARGIN);
  const raised = spec && (pointed || selected);
  return (
    <g
      className="fl-edge"
      data-broken={data?.broken || undefined}
      onPointerEnter={() => setPointed(true)}
      onPointerLeave={() => setPointed(false)}
    >
      <BaseEdge path={path} interactionWidth={16} />
      {beside && !raised && (
        <text className="fl-edge-spec" x={middleX} y={middleY - 5}>
          {beside}
        </text>
      )}
      {raised && (
        <EdgeLabelRenderer>
          <div
            className="fl-edge-label"
            style={{ transform: `translate(-50%, -100%) translate(${middleX}px, ${middleY - 6}px)` }}
          >
            {spec}
          </div>
        </EdgeLabelRenderer>
      )}
    </g>
  );
});
