import type { NodeProps } from "@xyflow/react";
import { type CSSProperties, memo } from "react";
import { familyHue } from "./families";
import type { OpNode } from "./flow";
import { portTop } from "./geometry";
import { useSession } from "./GraphProvider";
import { BypassIcon } from "./icons";
import { keyLabel } from "./keyNames";
import { looksSame } from "./looksSame";
import { Note } from "./Note";
import { PortHandle, type Side } from "./PortHandle";
import { PortNames } from "./PortNames";
import type { ShownPort } from "./ports";
import { pathOf } from "./scopes";
import { SignBadge } from "./SignBadge";
import { signOf, wordOf } from "./signs";
import { Weights } from "./Weights";

/** One node: the bar in its family's hue, name and kind, ports, and the spec of what comes out. */
export const NodeView = memo(function NodeView({ data, selected, width }: NodeProps<OpNode>) {
  const { node, kind, ports, problem, sizes } = data;
  const hue = { "--fl-hue": familyHue(kind?.family) } as CSSProperties;
  const { store } = useSession();
  const label = kind?.label ?? node.kind;
  const output = ports.outputs[0];
  return (
    <div
      className="fl-node"
      style={hue}
      data-testid={`node-${pathOf(node)}`}
      data-selected={selected || undefined}
      data-problem={problem ? true : undefined}
      data-bypassed={node.bypassed || undefined}
      data-sign={wordOf(signOf(store, node.id))}
    >
      <div className="fl-node-header">
        <span className="fl-node-name" title={pathOf(node)}>
          {node.name}
        </span>
        {label !== node.name && (
          <span className="fl-node-kind" title={kind ? kind.summary : `Unknown kind ${node.kind}`}>
            {label}
          </span>
        )}
        {node.bypassed && (
          <span className="fl-node-badge fl-node-bypass" title={`Bypassed: it passes its first input on (${keyLabel("Ctrl+B")})`}>
            <BypassIcon />
          </span>
        )}
        <SignBadge id={node.id} />
        <Note text={node.note} />
        {problem && (
          <span className="fl-node-badge" title={problem.message}>
            !
          </span>
        )}
      </div>
      <PortNames ports={named(ports.inputs)} side="input" alone={ports.outputs.length < 2} />
      <PortNames ports={named(ports.outputs)} side="output" alone={ports.inputs.length < 2} />
      {output && (
        <div className="fl-node-spec" title={output.spec ?? undefined}>
          <span>{output.spec ?? "no spec yet"}</span>
          <Weights sizes={sizes} spec={output.spec ?? ""} width={width ?? 0} />
        </div>
      )}
      <PortHandles data={data} ports={ports.inputs} side="input" />
      <PortHandles data={data} ports={ports.outputs} side="output" />
    </div>
  );
}, looksSame);

function named(ports: readonly ShownPort[]) {
  return ports.map(({ name, optional }) => ({ id: name, name, optional }));
}

function PortHandles({ data, ports, side }: { data: OpNode["data"]; ports: readonly ShownPort[]; side: Side }) {
  const { node } = data;
  return ports.map(({ name, spec, optional, hollow }, index) => (
    <PortHandle
      key={name}
      id={name}
      side={side}
      top={portTop(index, ports.length)}
      node={node.id}
      port={name}
      title={`${name}${optional ? " (optional)" : ""}${spec ? `: ${spec}` : ""}`}
      testId={`port-${side === "input" ? "in" : "out"}-${pathOf(node)}-${name}`}
      hollow={hollow}
    />
  ));
}
