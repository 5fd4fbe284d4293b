import { BaseEdge, EdgeLabelRenderer, type EdgeProps } from "@xyflow/react";
import { memo, useState } from "react";
import type { FlowEdge } from "./flow";
import { useSelected, useSession } from "./GraphProvider";
import { wireSign, wordOf } from "./signs";
import { lineOf, specBeside } from "./wireLine";
import "./edges.css";

/** One wire, with the spec of what it carries: beside it where there is room, above all when pointed at or selected. */
export const EdgeView = memo(function EdgeView(props: EdgeProps<FlowEdge>) {
  const { sourceX, sourceY, targetX, targetY, data, selected } = props;
  const [pointed, setPointed] = useState(false);
  const aimed = useSelected((session) => session.aimed[0] !== undefined && session.aimed[0] === data?.edge);
  const [start, end] = [{ x: sourceX, y: sourceY }, { x: targetX, y: targetY }];
  const { path, label, room } = lineOf(start, end, data?.lane ?? 0, data?.level ?? null);
  const spec = data?.spec;
  const { store } = useSession();
  const sign = wireSign(store, data?.edges ?? []);
  const beside = spec && specBeside(spec, room);
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
