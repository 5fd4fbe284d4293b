import { type KeyboardEvent, useEffect, useRef } from "react";
import type { KindInfo, NodeDoc } from "../wire";
import { type Alignment, ALIGNMENTS } from "./aligning";
import { DataFeatures } from "./DataFeatures";
import { DraftInput } from "./DraftInput";
import { freeName } from "./edits";
import { Explanation } from "./Explanation";
import { familyHue } from "./families";
import { FixButtons } from "./FixButtons";
import { focusSoon, nodeSelector } from "./focusing";
import { useFolds, useGraph, useSelected, useSession, useStored } from "./GraphProvider";
import { InspectorField } from "./InspectorField";
import { InspectorPorts } from "./InspectorPorts";
import { count, memory, total } from "./numbers";
import { Inline } from "./Prose";
import { RemoveButton } from "./RemoveButton";
import { pathOf, scopeId, scopePath, scopesOf } from "./scopes";
import { ScopeForm } from "./ScopeForm";
import { focusCanvas } from "./useCommands";
import type { Parsed } from "./values";
import { wrongName, wrongNote } from "./words";

/** All about what is selected, to read and to edit. */
export function Inspector() {
  const session = useSession();
  const view = useGraph();
  useFolds();
  const selectedNodes = useSelected(({ selectedNodes }) => selectedNodes);
  const selectedEdges = useSelected(({ selectedEdges }) => selectedEdges);
  const nodes = [...selectedNodes].flatMap((id) => view.nodes.get(id) ?? []);
  const scopes = [...selectedNodes].flatMap((id) => scopesOf(view).get(scopePath(id) ?? "") ?? []);
  const [node] = nodes;
  const [scope] = scopes;
  const selected = nodes.length + scopes.length + selectedEdges.size;
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    event.preventDefault(); // it does not leave the full screen, too
    const [id] = selectedNodes;
    const canvas = focusCanvas(event.currentTarget);
    if (id !== undefined) focusSoon(canvas, nodeSelector(id));
  };
  return (
    <div className="fl-inspector" data-testid="inspector" onKeyDown={onKeyDown}>
      {selected === 1 && node ? (
        <NodeForm key={node.id} node={node} />
      ) : selected === 1 && scope ? (
        <ScopeForm key={scope.path} scope={scope} />
      ) : selected === 0 ? (
        <Overview />
      ) : (
        <>
          <p>{selected === 1 ? <Wire /> : `${selected} things selected`}</p>
          {scopes.length === 0 && <Common nodes={nodes} />}
          {nodes.length + scopes.length > 0 && (
            <button type="button" className="fl-button fl-remove" onClick={() => session.group()}>
              Group into a scope
            </button>
          )}
          {nodes.length + scopes.length > 0 && (
            <button type="button" className="fl-button fl-remove" onClick={() => session.bypassSelected()}>
              Bypass or compute again
            </button>
          )}
          {nodes.length + scopes.length > 1 && <LineUp />}
          <RemoveButton label={selected === 1 ? "Disconnect" : "Delete"} onRemove={() => session.removeSelected()} />
        </>
      )}
    </div>
  );
}

/** What is there to say while nothing is selected. */
function Overview() {
  const { name, nodes, info } = useGraph();
  const sizes = memory(total(info.values()), "outputs");
  return (
    <>
      <h3>{name || "Graph"}</h3>
      <p className="fl-quiet">
        {count(nodes.size, "node")}
        {sizes && `, ${sizes}`}
      </p>
      <p className="fl-quiet">Select a node to see and change what it does.</p>
      <DataFeatures />
    </>
  );
}

/** The parameters of several nodes of one kind, set for all of them at once. */
function Common({ nodes }: { nodes: readonly NodeDoc[] }) {
  const [first, ...others] = nodes;
  const kind = useStored((store) => store.kinds.get(first?.kind ?? ""));
  if (!first || !kind || others.length === 0 || others.some((node) => node.kind !== first.kind)) return null;
  return (
    <div data-testid="inspector-common" key={nodes.map(({ id }) => id).join()}>
      <h3 className="fl-subheading">
        {nodes.length} {kind.label} nodes, set together
      </h3>
      {kind.fields.map((field) => (
        <InspectorField key={field.name} nodes={nodes} field={field} />
      ))}
    </div>
  );
}

/** Ways to line up what is selected. */
function LineUp() {
  const session = useSession();
  return (
    <select
      className="fl-input fl-remove"
      aria-label="Line up"
      data-testid="line-up"
      value=""
      onChange={({ target }) => session.align(target.value as Alignment)}
    >
      <option value="">Line up…</option>
      {Object.entries(ALIGNMENTS).map(([how, title]) => (
        <option key={how} value={how}>
          {title}
        </option>
      ))}
    </select>
  );
}

function Wire() {
  const session = useSession();
  const { nodes, info } = useGraph();
  const edge = session.edges()[0];
  if (!edge) return null;
  const spec = info.get(edge.source)?.outputs.find((port) => port.name === edge.source_port)?.spec;
  return (
    <>
      <strong>{nameOf(nodes.get(edge.source))}</strong> to {edge.target_port} of{" "}
      <strong>{nameOf(nodes.get(edge.target))}</strong>
      {spec && <span className="fl-code fl-line">{spec}</span>}
    </>
  );
}

function nameOf(node: NodeDoc | undefined): string {
  return node ? pathOf(node) : "";
}

function NodeForm({ node }: { node: NodeDoc }) {
  const session = useSession();
  const { store } = session;
  const kind = useStored((store) => store.kinds.get(node.kind));
  const sizes = memory(total([useGraph().info.get(node.id)]));
  const problems = useGraph().problems.filter((problem) => problem.node === node.id);
  const form = useRef<HTMLDivElement>(null);
  const inspections = useSelected(({ inspections }) => inspections);

  useEffect(() => {
    const wish = session.takeInspection();
    if (wish === "edit") form.current?.querySelector("input")?.select();
    const help = form.current?.querySelector<HTMLDetailsElement>("details.fl-kind");
    if (wish !== "explain" || !help) return;
    help.open = true;
    help.querySelector("summary")?.focus();
  }, [session, inspections]);

  const parseName = (text: string): Parsed => {
    const name = text.trim();
    const error = wrongName(name);
    if (error !== null) return { error };
    const free = name === node.name || name === freeName(store.view, name, node.scope);
    return free ? { value: name } : { error: `Another node is named ${name}` };
  };

  return (
    <div ref={form}>
      <div className="fl-form-name">
        <DraftInput
          text={node.name}
          parse={parseName}
          onCommit={(name) => store.edit([{ op: "rename", id: node.id, name: String(name) }])}
          label="Name"
          testId="inspector-name"
        />
      </div>
      <KindLine node={node} kind={kind} />
      {node.scope && (
        <p className="fl-in-scope">
          in{" "}
          <button type="button" className="fl-link" onClick={() => session.select([scopeId(node.scope)])}>
            {node.scope}
          </button>
        </p>
      )}
      {problems.map((problem) => (
        <div key={`${problem.port}:${problem.message}`} className="fl-inspector-problem">
          <p>{problem.message}</p>
          <FixButtons fixes={problem.fixes} />
        </div>
      ))}
      {kind?.passes && <Bypass node={node} />}
      {kind?.fields.map((field) => <InspectorField key={field.name} nodes={[node]} field={field} />)}
      {sizes && (
        <p className="fl-quiet" data-testid="inspector-memory">
          {sizes}
        </p>
      )}
      <InspectorPorts node={node} kind={kind} />
      <h3 className="fl-subheading">Note</h3>
      <DraftInput
        text={node.note}
        parse={parseNote}
        onCommit={(note) => store.edit([{ op: "set_note", id: node.id, note: String(note) }])}
        label="Note"
        testId="inspector-note"
        multiline
      />
      <RemoveButton label="Delete node" onRemove={() => session.removeSelected()} />
    </div>
  );
}

function parseNote(text: string): Parsed {
  const error = wrongNote(text);
  return error === null ? { value: text } : { error };
}

/** Whether the node computes or passes its first input on. */
function Bypass({ node }: { node: NodeDoc }) {
  const { store } = useSession();
  return (
    <label className="fl-form-row">
      <span className="fl-form-label">bypassed</span>
      <span className="fl-form-control">
        <input
          type="checkbox"
          data-testid="inspector-bypass"
          checked={node.bypassed}
          onChange={({ target }) => store.edit([{ op: "set_bypassed", id: node.id, bypassed: target.checked }])}
        />
      </span>
    </label>
  );
}

/** The kind in its hue, and its help to unfold. */
function KindLine({ node, kind }: { node: NodeDoc; kind: KindInfo | undefined }) {
  if (!kind) return <p className="fl-inspector-problem">This version of flowloom does not know the kind {node.kind}.</p>;
  return (
    <details className="fl-kind">
      <summary>
        <span className="fl-kind-dot" style={{ background: familyHue(kind.family) }} />
        {kind.label}
        <span className="fl-quiet">
          {" "}
          <Inline text={kind.summary} />
        </span>
      </summary>
      <Explanation kind={kind} />
    </details>
  );
}
