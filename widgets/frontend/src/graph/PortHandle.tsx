import { Handle, Position } from "@xyflow/react";
import { useSelected, useSession } from "./GraphProvider";
import "./ports.css";

export type Side = "input" | "output";

interface PortHandleProps {
  /** Names the port on what is drawn. */
  id: string;
  side: Side;
  top: number;
  /** The port of a node that a wire drawn here begins or ends at. */
  node: string;
  port: string;
  title: string;
  testId: string;
  hollow?: boolean;
  /** Wires may only leave from here. */
  closed?: boolean;
}

/** The dot that wires are drawn from and to. While one is drawn it shows whether it would fit here. */
export function PortHandle({ id, side, top, node, port, title, testId, hollow, closed }: PortHandleProps) {
  const { store } = useSession();
  const verdict = useSelected((session) => {
    const { wiring } = session;
    if (!wiring) return undefined;
    if (wiring.node === node && wiring.port === port && wiring.from === side) return "origin";
    if (closed || wiring.from === side) return "unfit";
    if (wiring.verdicts === null) return undefined;
    return session.reasonAgainst(node, port) === null ? "fits" : "unfit";
  });
  return (
    <Handle
      id={id}
      type={side === "input" ? "target" : "source"}
      position={side === "input" ? Position.Left : Position.Right}
      style={{ top }}
      className="fl-port"
      isConnectable={!store.readOnly && !(closed && side === "input")}
      data-verdict={verdict}
      data-hollow={hollow || undefined}
      data-testid={testId}
      title={title}
      role="button"
      aria-label={`${side} ${title}`}
      tabIndex={-1}
      data-closed={(closed && side === "input") || undefined}
      data-port-node={node}
      data-port={port}
    />
  );
}
