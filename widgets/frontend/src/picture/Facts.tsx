import { useEffect, useRef } from "react";
import type { NodeDoc, Picture, PortInfo } from "../wire";
import { familyHue } from "../graph/families";
import { useFolds, useGraph, useSelected, useSession } from "../graph/GraphProvider";
import { count } from "../graph/numbers";
import { goTo, originsOf } from "../graph/pictureCommands";
import { Inline, Prose } from "../graph/Prose";
import { pathOf, type Scope, scopeId, scopePath, scopesOf } from "../graph/scopes";
import { SIGNS, signOf, wordOf } from "../graph/signs";

/** What there is to say of what is selected in a picture. */
export function Facts({ picture }: { picture: Picture }) {
  const session = useSession();
  const view = useGraph();
  useFolds();
  const selected = useSelected(({ selectedNodes }) => selectedNodes);
  const inspections = useSelected(({ inspections }) => inspections);
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (session.takeInspection() === "explain") root.current?.querySelector("details")?.setAttribute("open", "");
  }, [session, inspections]);
  const [first] = selected;
  const node = first === undefined ? undefined : view.nodes.get(first);
  const scope = first === undefined ? undefined : scopesOf(view).get(scopePath(first) ?? "");
  return (
    <div ref={root} className="fl-inspector" data-testid="facts">
      {selected.size > 1 ? (
        <p>{selected.size} things selected</p>
      ) : node ? (
        <NodeFacts node={node} />
      ) : scope ? (
        <ScopeFacts scope={scope} />
      ) : (
        <>
          <h3>{picture.title}</h3>
          <p className="fl-quiet">{picture.message}</p>
          <p className="fl-quiet">Select something to read about it. Nothing can be changed here.</p>
        </>
      )}
      <Origins />
    </div>
  );
}

function NodeFacts({ node }: { node: NodeDoc }) {
  const { store, select } = useBound();
  const info = useGraph().info.get(node.id);
  const kind = store.kinds.get(node.kind);
  const sign = signOf(store, node.id);
  const facts = store.marks.nodes.get(node.id)?.facts ?? [];
  const params = Object.entries(node.params).filter(([name]) => !facts.some((fact) => fact.startsWith(`${name}: `)));
  return (
    <>
      <h3>{node.name}</h3>
      {sign && (
        <p className="fl-sign" data-sign={wordOf(sign)}>
          {SIGNS[sign]} {wordOf(sign)}
        </p>
      )}
      <details className="fl-kind">
        <summary>
          <span className="fl-kind-dot" style={{ background: familyHue(kind?.family) }} />
          {kind?.label ?? node.kind}
          {kind?.summary && (
            <span className="fl-quiet">
              {" "}
              <Inline text={kind.summary} />
            </span>
          )}
        </summary>
        <Prose text={kind?.doc ?? ""} />
      </details>
      {node.scope && (
        <p className="fl-in-scope">
          in{" "}
          <button type="button" className="fl-link" onClick={() => select(scopeId(node.scope))}>
            {node.scope}
          </button>
        </p>
      )}
      <Lines lines={facts} />
      <Lines lines={params.map(([name, value]) => `${name}: ${JSON.stringify(value)}`)} />
      <Ports title="Inputs" ports={info?.inputs ?? []} />
      <Ports title="Outputs" ports={info?.outputs ?? []} />
      {node.note && <p className="fl-quiet">{node.note}</p>}
    </>
  );
}

function ScopeFacts({ scope }: { scope: Scope }) {
  const { nodes } = useGraph();
  const { kinds } = useSession().store;
  const found = new Map<string, number>();
  for (const id of scope.nodes) {
    const kind = nodes.get(id)?.kind ?? "";
    const label = kinds.get(kind)?.label ?? kind;
    found.set(label, (found.get(label) ?? 0) + 1);
  }
  const lines = [...found].sort((a, b) => b[1] - a[1]).map(([label, times]) => `${label}: ${times}`);
  return (
    <>
      <h3>{scope.path}</h3>
      <p className="fl-quiet">{count(scope.nodes.length, "node")}</p>
      <Lines lines={lines} />
    </>
  );
}

/** The nodes of the graph that it comes from, to go to. */
function Origins() {
  const session = useSession();
  useSelected(({ selectedNodes }) => selectedNodes);
  const nodes = session.outer?.store.view.nodes;
  const origins = originsOf(session).flatMap((id) => nodes?.get(id) ?? []);
  if (origins.length === 0) return null;
  return (
    <>
      <h3 className="fl-subheading">In the graph</h3>
      {origins.map((node) => (
        <button
          key={node.id}
          type="button"
          className="fl-button fl-origin"
          data-testid={`origin-${pathOf(node)}`}
          title="Go there (G)"
          onClick={() => goTo(session, node.id)}
        >
          Go to {pathOf(node)}
        </button>
      ))}
    </>
  );
}

function Lines({ lines }: { lines: readonly string[] }) {
  return lines.map((line) => (
    <p key={line} className="fl-fact">
      {line}
    </p>
  ));
}

function Ports({ title, ports }: { title: string; ports: readonly PortInfo[] }) {
  if (ports.length === 0) return null;
  return (
    <>
      <h3 className="fl-subheading">{title}</h3>
      {ports.map(({ name, spec }) => (
        <p key={name} className="fl-fact">
          {name} <span className="fl-code">{spec}</span>
        </p>
      ))}
    </>
  );
}

function useBound() {
  const session = useSession();
  return { store: session.store, select: (id: string) => session.select([id]) };
}
