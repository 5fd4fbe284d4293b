import { useState } from "react";
import type { KindInfo, NodeDoc, PortVerdict } from "../wire";
import { connect } from "./edits";
import { useGraph, useSession } from "./GraphProvider";
import { portsOf, type ShownPort } from "./ports";
import { pathOf } from "./scopes";

/** The ports of a node with what is wired to them; wires are made and taken away here without a pointer. */
export function InspectorPorts({ node, kind }: { node: NodeDoc; kind: KindInfo | undefined }) {
  const view = useGraph();
  const ports = portsOf(
    node,
    kind,
    view.info.get(node.id),
    view.edges.filter((edge) => edge.source === node.id || edge.target === node.id),
  );
  return (
    <>
      {ports.inputs.length > 0 && <h3 className="fl-subheading">{ports.inputs.length > 1 ? "Inputs" : "Input"}</h3>}
      {ports.inputs.map((port) => (
        <InputPort key={port.name} node={node} port={port} />
      ))}
      {ports.outputs.length > 0 && <h3 className="fl-subheading">{ports.outputs.length > 1 ? "Outputs" : "Output"}</h3>}
      {ports.outputs.map((port) => (
        <OutputPort key={port.name} node={node} port={port} />
      ))}
    </>
  );
}

function InputPort({ node, port }: { node: NodeDoc; port: ShownPort }) {
  const { store } = useSession();
  const { edges, nodes } = useGraph();
  const name = (id: string) => nameIn(nodes, id);
  const edge = edges.find((edge) => edge.target === node.id && edge.target_port === port.name);
  return (
    <div className="fl-port-row">
      <span className="fl-port-row-name">{port.name}</span>
      <span className="fl-quiet">{edge ? `from ${name(edge.source)}` : port.optional ? "optional" : "not connected"}</span>
      {edge && (
        <button
          type="button"
          className="fl-link"
          aria-label={`Disconnect ${port.name}`}
          onClick={() => store.edit([{ op: "disconnect", edge }])}
        >
          Disconnect
        </button>
      )}
      {port.spec && <span className="fl-code fl-line">{port.spec}</span>}
    </div>
  );
}

/** An output, and a list of the inputs that it fits, asked for when the list is about to be opened. */
function OutputPort({ node, port }: { node: NodeDoc; port: ShownPort }) {
  const { store } = useSession();
  const { nodes, edges } = useGraph();
  const [fitting, setFitting] = useState<PortVerdict[] | null>(null);
  const ask = () =>
    void store.fits(node.id, port.name).then((ports) => setFitting(ports.filter(({ reason }) => reason === null)));
  const taken = (verdict: PortVerdict) =>
    edges.find((edge) => edge.target === verdict.node && edge.target_port === verdict.port);
  const free = fitting?.filter((verdict) => taken(verdict)?.source !== node.id) ?? [];
  const wire = (index: string) => {
    const to = free[Number(index)];
    if (!to) return;
    const edge = { source: node.id, source_port: port.name, target: to.node, target_port: to.port };
    store.edit(connect(store.view, edge));
  };
  const label = (verdict: PortVerdict) => {
    const before = taken(verdict);
    const replaces = before ? ` (instead of ${nameIn(nodes, before.source)})` : "";
    return `${nameIn(nodes, verdict.node)}: ${verdict.port}${replaces}`;
  };
  return (
    <div className="fl-port-row">
      <span className="fl-port-row-name">{port.name}</span>
      <span className="fl-code fl-port-row-spec">{port.spec ?? "no spec yet"}</span>
      <select
        className="fl-input fl-line"
        data-testid={`inspector-connect-${port.name}`}
        aria-label={`Connect ${port.name} to`}
        value=""
        onPointerEnter={ask}
        onFocus={ask}
        onChange={(event) => wire(event.target.value)}
      >
        <option value="">{fitting !== null && free.length === 0 ? "Fits no port" : "Connect to…"}</option>
        {free.map((verdict, index) => (
          <option key={`${verdict.node}:${verdict.port}`} value={index}>
            {label(verdict)}
          </option>
        ))}
      </select>
    </div>
  );
}

function nameIn(nodes: ReadonlyMap<string, NodeDoc>, id: string): string {
  const node = nodes.get(id);
  return node ? pathOf(node) : id;
}
