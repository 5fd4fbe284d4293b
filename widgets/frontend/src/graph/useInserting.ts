import { useReactFlow } from "@xyflow/react";
import { useMemo } from "react";
import type { Change } from "../wire";
import type { FlowEdge, FlowNode } from "./flow";
import { useSession } from "./GraphProvider";
import { type Insertable, insertion, isInsertable } from "./inserting";

/** What is dragged over a wire is put on it: the wire under the pointer is marked while it lasts. */
export function useInserting() {
  const session = useSession();
  const { getEdge } = useReactFlow<FlowNode, FlowEdge>();
  return useMemo(() => {
    const { store } = session;
    /** Mark the wire at a point of the window, if what is dragged can be put on it: something new, or the node of that id. */
    const aim = (x: number, y: number, what: Insertable | undefined, id: string | null, dragged?: Element): void => {
      const over = document.elementsFromPoint(x, y).find((element) => !dragged?.contains(element));
      const wire = over?.closest<SVGElement>(".react-flow__edge")?.dataset.id;
      const free = wire !== undefined && isInsertable(store.view, what, id);
      session.aim(free ? (getEdge(wire)?.data?.edges ?? []) : []);
    };
    return {
      aim,
      /** While a node of the graph is dragged, alone. */
      onNodeDrag: (event: { clientX?: number; clientY?: number; target: unknown }, node: FlowNode, all: FlowNode[]): void => {
        if (node.type !== "op" || all.length !== 1 || event.clientX === undefined || event.clientY === undefined) return;
        const dragged = (event.target as Element).closest?.(".react-flow__node") ?? undefined;
        aim(event.clientX, event.clientY, node.data.kind, node.id, dragged);
      },
      onNodeDragStop: (): void => session.aim([]),
      /** What puts the node that was dragged on the wire that is marked. */
      dropped: (id: string): Change[] => {
        const kind = store.kinds.get(store.view.nodes.get(id)?.kind ?? "");
        return kind ? insertion(session.aimed, id, kind) : [];
      },
    };
  }, [session, getEdge]);
}
