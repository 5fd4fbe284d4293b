import { type MouseEvent, useEffect, useRef } from "react";
import { type BorderPort, borderOf } from "./border";
import { DraftInput } from "./DraftInput";
import { useGraph, useSelected, useSession } from "./GraphProvider";
import { renameScope, scopeNameError } from "./grouping";
import { count, memory, total } from "./numbers";
import { RemoveButton } from "./RemoveButton";
import { joined, type Scope, scopeId } from "./scopes";
import { focusCanvas } from "./useCommands";
import type { Parsed } from "./values";

/** What there is to say of a scope that branches or loops. */
const ROLES: Record<string, string> = {
  condition: "Computes one of its branches.",
  loop: "Computes its nodes again and again while its condition holds.",
  scan: "Computes its nodes once for each slice of a sequence.",
};

/** A selected scope: its name, what it holds, what goes in and out. */
export function ScopeForm({ scope }: { scope: Scope }) {
  const session = useSession();
  const { store, folds } = session;
  const view = useGraph();
  const { path, name, role, nodes } = scope;
  const form = useRef<HTMLDivElement>(null);
  const inspections = useSelected(({ inspections }) => inspections);
  const folded = folds.isFolded(path);
  const border = borderOf(view, nodes);
  const inside = new Set(nodes);
  const problems = view.problems.filter((problem) => inside.has(problem.node));
  const sizes = memory(total(nodes.map((id) => view.info.get(id))), "outputs");

  useEffect(() => {
    if (session.takeInspection()) form.current?.querySelector("input")?.select();
  }, [session, inspections]);

  const parseName = (text: string): Parsed => {
    const error = scopeNameError(store.view, path, text.trim());
    return error === null ? { value: text.trim() } : { error };
  };
  const rename = (value: unknown) => {
    const renamed = joined(scope.parent, String(value));
    folds.fold([renamed], folded);
    store.edit(renameScope(store.view, path, String(value)));
    session.select([scopeId(renamed)]);
  };
  const ungroup = (event: MouseEvent<HTMLElement>) => {
    focusCanvas(event.currentTarget);
    session.ungroup();
  };

  return (
    <div ref={form} data-testid="inspector-scope">
      <div className="fl-form-name">
        <DraftInput text={name} parse={parseName} onCommit={rename} label="Name of the scope" testId="inspector-name" />
      </div>
      <p className="fl-scope-kind">
        {role ?? "scope"}
        {scope.parent && <span className="fl-quiet"> in {scope.parent}</span>}
        {role !== null && <span className="fl-quiet fl-line">{ROLES[role] ?? "Computed only if it is chosen."}</span>}
      </p>
      {problems.map((problem) => (
        <div key={`${problem.node}:${problem.port}:${problem.message}`} className="fl-inspector-problem">
          <button type="button" className="fl-problem" onClick={() => session.show(problem.node)}>
            <strong>{view.nodes.get(problem.node)?.name}</strong>
            <span>{problem.message}</span>
          </button>
        </div>
      ))}
      <p className="fl-quiet">
        {count(nodes.length, "node")}
        {sizes && `, ${sizes}`}
      </p>
      <BorderPorts title="What goes in" ports={border.inputs} within={(port) => port} />
      <BorderPorts title="What comes out" ports={border.outputs} within={(port) => port.slice(path.length + 1)} />
      <div className="fl-scope-actions">
        <button type="button" className="fl-button" data-testid="inspector-fold" onClick={() => session.fold(path, !folded)}>
          {folded ? "Open" : "Fold"}
        </button>
        <button type="button" className="fl-button" data-testid="inspector-ungroup" onClick={ungroup}>
          Ungroup
        </button>
      </div>
      <div className="fl-scope-actions">
        <button
          type="button"
          className="fl-button"
          data-testid="inspector-save-block"
          title="Keep it to use it again (Ctrl+Shift+B)"
          onClick={() => session.openMenu({ what: "block" })}
        >
          Save as a block…
        </button>
      </div>
      <RemoveButton label={`Delete ${count(nodes.length, "node")}`} onRemove={() => session.removeSelected()} />
    </div>
  );
}

interface BorderPortsProps {
  title: string;
  ports: readonly BorderPort[];
  /** The path of a tensor as it is said here. */
  within: (path: string) => string;
}

function BorderPorts({ title, ports, within }: BorderPortsProps) {
  if (ports.length === 0) return null;
  return (
    <>
      <h3 className="fl-subheading">{title}</h3>
      {ports.map(({ id, path, spec }) => (
        <div key={id} className="fl-port-row">
          <span className="fl-port-row-name">{within(path)}</span>
          <span className="fl-code fl-port-row-spec">{spec ?? "no spec yet"}</span>
        </div>
      ))}
    </>
  );
}
