import { BaseEdge, EdgeLabelRenderer, type EdgeProps, getSmoothStepPath } from "@xyflow/react";
import { memo, useState } from "react";
import type { FlowEdge } from "./flow";

/** Width of a character of the label, and the room that it needs beside its ends, in pixels at zoom 1. */
const CHARACTER = 6.7;
const MARGIN = 28;

/** One wire, with the spec of what it carries: beside it where there is room, above all when pointed at or selected. */
export const EdgeView = memo(function EdgeView(props: EdgeProps<FlowEdge>) {
  const { sourceX, sourceY, targetX, targetY, sourcePosition, targetPosition, data, selected } = props;
  const [pointed, setPointed] = useState(false);
  const [path, middleX, middleY] = getSmoothStepPath({
    sourceX,
    sourceY,
    sourcePosition,
    targetX,
    targetY,
    targetPosition,
    borderRadius: 8,
  });
  const spec = data?.spec;
  const straight = Math.abs(targetY - sourceY) < 4;
  const room = spec && straight && targetX - sourceX > spec.length * CHARACTER + MARGIN;
  const raised = spec && (pointed || selected);
  return (
    <g
      className="fl-edge"
      data-broken={data?.broken || undefined}
      onPointerEnter={() => setPointed(true)}
      onPointerLeave={() => setPointed(false)}
    >
      <BaseEdge path={path} interactionWidth={16} />
      {room && !raised && (
        <text className="fl-edge-spec" x={middleX} y={middleY - 5}>
          {spec}
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
