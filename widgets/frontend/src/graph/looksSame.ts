import type { NodeProps } from "@xyflow/react";
import type { FlowNode } from "./flow";

/** Whether what is in a node is drawn the same: while it moves, React Flow draws it elsewhere, and nothing else changes. */
export function looksSame<N extends FlowNode>(a: NodeProps<N>, b: NodeProps<N>): boolean {
  return a.data === b.data && a.selected === b.selected && a.width === b.width;
}
