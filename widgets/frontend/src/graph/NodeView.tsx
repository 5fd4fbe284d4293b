import { Handle, type NodeProps, Position } from "@xyflow/react";
import { type CSSProperties, memo } from "react";
import type { PortInfo } from "../wire";
import { familyHue } from "./families";
import type { FlowNode } from "./flow";
import { useSelected } from "./GraphProvider";
import { portTop } from "./geometry";

/** One node: the bar in its family's hue, name and kind, ports, and the spec of what comes out. */
export const NodeView = memo(function NodeView({ data, selected }: NodeProps<FlowNode>) {
  const { node, kind, ports, problem } = data;
  const hue = { "--fl-hue": familyHue(kind?.family) } as CSSProperties;
  const label = kind?.label ?? node.kind;
  const output = ports.outputs[0];
  return (
    <div
      className="fl-node"
      style={hue}
      data-testid={`node-${node.name}`}
      data-selected={selected || undefined}
      data-problem={problem ? true : undefined}
    >
      <div className="fl-node-header">
        <span className="fl-node-name" title={node.name}>
          {node.name}
        </span>
        {label !== node.name && (
          <span className="fl-node-kind" title={kind ? kind.summary : `Unknown kind ${node.kind}`}>
            {label}
          </span>
        )}
        {problem && (
          <span className="fl-node-badge" title={problem.message}>
            !
          </span>
        )}
      </div>
      <PortNames ports={ports.inputs} side="input" />
      <PortNames ports={ports.outputs} side="output" />
      {output && (
        <div className="fl-node-spec" title={output.spec ?? undefined}>
          {output.spec ?? "no spec yet"}
        </div>
      )}
      {ports.inputs.map((port, index) => (
        <Port key={port.name} data={data} port={port} side="input" top={portTop(index, ports.inputs.length)} />
      ))}
      {ports.outputs.map((port, index) => (
        <Port key={port.name} data={data} port={port} side="output" top={portTop(index, ports.outputs.length)} />
      ))}
    </div>
  );
});

type Side = "input" | "output";

/** Port names, only where there is more than one to tell apart. */
function PortNames({ ports, side }: { ports: readonly PortInfo[]; side: Side }) {
  if (ports.length < 2) return null;
  return ports.map((port, index) => (
    <span key={port.name} className={`fl-port-name fl-port-name-${side}`} style={{ top: portTop(index, ports.length) }}>
      {port.name}
    </span>
  ));
}

/** The dot that wires are drawn from and to. While one is drawn it shows whether it would fit here. */
function Port({ data, port, side, top }: { data: FlowNode["data"]; port: PortInfo; side: Side; top: number }) {
  const { node } = data;
  const verdict = useSelected((session) => {
    const { wiring } = session;
    if (!wiring) return undefined;
    if (wiring.node === node.id && wiring.port === port.name && wiring.from === side) return "origin";
    if (wiring.from === side) return "unfit";
    if (wiring.verdicts === null) return undefined;
    return session.reasonAgainst(node.id, port.name) === null ? "fits" : "unfit";
  });
  return (
    <Handle
      id={port.name}
      type={side === "input" ? "target" : "source"}
      position={side === "input" ? Position.Left : Position.Right}
      style={{ top }}
      className="fl-port"
      data-verdict={verdict}
      data-testid={`port-${side === "input" ? "in" : "out"}-${node.name}-${port.name}`}
      title={port.spec ? `${port.name}: ${port.spec}` : port.name}
    />
  );
}
