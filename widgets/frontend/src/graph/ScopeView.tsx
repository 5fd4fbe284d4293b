import type { NodeProps } from "@xyflow/react";
import { type CSSProperties, memo } from "react";
import type { BorderPort } from "./border";
import { familyHue } from "./families";
import type { ScopeNode } from "./flow";
import { portTop } from "./geometry";
import { useSession } from "./GraphProvider";
import { BranchIcon, ChevronIcon, LoopIcon } from "./icons";
import { looksSame } from "./looksSame";
import { count, memory, short } from "./numbers";
import { PortHandle, type Side } from "./PortHandle";
import { PortNames } from "./PortNames";
import { type Scope, scopeId } from "./scopes";
import type { Session } from "./session";
import { SignBadge } from "./SignBadge";
import { signOf, wordOf } from "./signs";

/** A scope: open, a box around its nodes; folded, one node in its place. */
export const ScopeView = memo(function ScopeView({ data, selected }: NodeProps<ScopeNode>) {
  const session = useSession();
  const { scope, folded, border, problems } = data;
  const hue = { "--fl-hue": scope.role === null ? hueOf(session, scope) : familyHue("control") } as CSSProperties;
  const action = `${folded ? "Open" : "Fold"} ${scope.path}`;
  return (
    <div
      className={folded ? "fl-node fl-scope-node" : "fl-scope"}
      style={hue}
      data-testid={`scope-${scope.path}`}
      data-folded={folded}
      data-depth={scope.depth % 2}
      data-selected={selected || undefined}
      data-problem={problems.length > 0 || undefined}
      data-sign={folded ? wordOf(signOf(session.store, scopeId(scope.path), scope)) : undefined}
    >
      <div className={folded ? "fl-node-header fl-scope-bar" : "fl-scope-bar"} data-testid={`scope-bar-${scope.path}`}>
        <button
          type="button"
          className="fl-icon-button fl-scope-fold nodrag"
          data-testid={`fold-${scope.path}`}
          tabIndex={-1} // the scope itself has the focus, and F folds it
          aria-expanded={!folded}
          aria-label={action}
          title={`${action} (F)`}
          onClick={(event) => {
            event.stopPropagation();
            session.fold(scope.path, !folded);
          }}
          onDoubleClick={(event) => event.stopPropagation()}
        >
          <ChevronIcon />
        </button>
        <span className="fl-node-name fl-scope-name" title={scope.path}>
          {scope.name}
        </span>
        <Role scope={scope} />
        {folded && <SignBadge id={scopeId(scope.path)} scope={scope} />}
        {problems.length > 0 && (
          <span className="fl-node-badge" title={problems.map(({ message }) => message).join("\n")}>
            {problems.length}
          </span>
        )}
      </div>
      {folded && <Outside data={data} border={border} />}
    </div>
  );
}, looksSame);

/** The hue of a scope: that of the node that a picture shows as one. */
function hueOf({ store, outer }: Session, { path }: Scope): string {
  const [origin] = store.marks.nodes.get(scopeId(path))?.origins ?? [];
  const node = origin === undefined ? undefined : outer?.store.view.nodes.get(origin);
  return node ? familyHue(store.kinds.get(node.kind)?.family) : "var(--fl-border-strong)";
}

/** What a scope does, if it branches or loops. */
function Role({ scope: { role, name } }: { scope: Scope }) {
  if (role === null) return null;
  const Icon = role === "scan" || role === "loop" ? LoopIcon : BranchIcon;
  return (
    <span className="fl-node-kind fl-scope-role" title={role}>
      <Icon />
      {role !== name && role.replace(`: ${name}`, "")}
    </span>
  );
}

/** What is seen of a folded scope: how much it holds, and what goes in and out. */
function Outside({ data: { scope, sizes }, border: { inputs, outputs } }: Pick<ScopeNode, "data"> & Pick<ScopeNode["data"], "border">) {
  const output = outputs.length === 1 ? outputs[0] : undefined;
  return (
    <>
      <PortNames ports={named(inputs)} side="input" alone={outputs.length < 2} />
      <PortNames ports={named(outputs)} side="output" alone={inputs.length < 2} />
      <div className="fl-node-spec fl-scope-count">
        <span title={memory(sizes, "outputs")}>
          {count(scope.nodes.length, "node")}
          {sizes.parameters > 0 && <span data-testid="weights">, {short(sizes.parameters)}</span>}
        </span>
        {output?.spec && (
          <span className="fl-code" title={output.spec}>
            {output.spec}
          </span>
        )}
      </div>
      <Ports scope={scope} ports={inputs} side="input" />
      <Ports scope={scope} ports={outputs} side="output" />
    </>
  );
}

function named(ports: readonly BorderPort[]) {
  return ports.map(({ id, label }) => ({ id, name: label }));
}

/** Wires may be drawn from what comes out; what goes in is wired to the nodes inside. */
function Ports({ scope, ports, side }: { scope: Scope; ports: readonly BorderPort[]; side: Side }) {
  return ports.map(({ id, node, port, path, spec }, index) => (
    <PortHandle
      key={id}
      id={id}
      side={side}
      top={portTop(index, ports.length)}
      node={node}
      port={port}
      title={spec ? `${path}: ${spec}` : path}
      testId={`port-${side === "input" ? "in" : "out"}-${scope.path}-${path}`}
      closed
    />
  ));
}
