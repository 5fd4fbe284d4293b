import { useReactFlow, useStoreApi } from "@xyflow/react";
import { useMemo } from "react";
import type { AddNode, Change, FeatureInfo, KindInfo, NodeDoc } from "../wire";
import { addInput, addNode } from "./edits";
import { isEnd } from "./families";
import type { FlowEdge, FlowNode } from "./flow";
import { geometryOf } from "./geometry";
import { useSession } from "./GraphProvider";
import { insertion } from "./inserting";
import { type Box, free, GAP_X } from "./place";
import { portsOf } from "./ports";
import { useReveal } from "./useReveal";

/** How far from the left edge of an empty canvas a graph begins, in pixels. */
const MARGIN = 48;

/** Ways to add nodes; a new node is selected. */
export function useAddNode() {
  const session = useSession();
  const flow = useReactFlow<FlowNode, FlowEdge>();
  const state = useStoreApi();
  const reveal = useReveal();
  return useMemo(() => {
    const { store, maker } = session;
    const add = (kind: KindInfo, box: Box, scope: string): void => {
      const { x, y } = maker.documentPoint(scope, box);
      const { node } = addNode(store.view, kind, x, y, scope);
      const wires = insertion(session.aimed, node.id, kind);
      store.edit([{ op: "add_node", node }, ...wires]);
      if (wires.length > 0) store.announce(`${node.name} inserted`);
      session.select([node.id]);
    };
    /** After the one node that is selected, in its scope, or else in the middle of what is seen; beside what is there. */
    const next = (kind: KindInfo): { box: Box; scope: string } | null => {
      const bounds = state.getState().domNode?.getBoundingClientRect();
      if (!bounds) return null;
      const middle = { x: bounds.left + bounds.width / 2, y: bounds.top + bounds.height / 2 };
      const [last, ...others] = flow.getNodes().filter((node) => node.selected);
      const alone = last && others.length === 0 ? last : undefined;
      const wanted = alone ? after(alone, kind) : around(kind, flow.screenToFlowPosition(middle));
      const scope = alone ? scopeAround(alone) : maker.scopeAt(flow.screenToFlowPosition(middle));
      return { box: free(wanted, maker.obstacles(scope)), scope };
    };
    return {
      next,
      canAdd: (kind: string): boolean => store.kinds.has(kind),
      /** Where `next` says. */
      addNext: (kind: string): void => {
        const info = store.kinds.get(kind);
        const place = info && next(info);
        if (!place) return;
        add(info, place.box, place.scope);
        reveal(place.box);
      },
      /** Where it is dropped, in the scope that is open there; put on the wire that is marked, beside its ends. */
      addAtPointer: (kind: string, clientX: number, clientY: number): void => {
        const info = store.kinds.get(kind);
        const bounds = state.getState().domNode?.getBoundingClientRect();
        if (!info || !bounds || clientX < bounds.left || clientX > bounds.right) return;
        if (clientY < bounds.top || clientY > bounds.bottom) return;
        const point = flow.screenToFlowPosition({ x: clientX, y: clientY });
        const [box, scope] = [around(info, point), maker.scopeAt(point)];
        add(info, session.aimed.length > 0 ? free(box, maker.obstacles(scope)) : box, scope);
      },
      /** Inputs for features of the data, one below another at the left of what is there or is seen, as one edit. */
      addInputs: (features: readonly FeatureInfo[]): void => {
        const kind = store.kinds.get("input");
        if (!kind) return;
        const taken = maker.obstacles("");
        const { left = 0, top = 0, height = 0 } = state.getState().domNode?.getBoundingClientRect() ?? {};
        const start = flow.screenToFlowPosition({ x: left + MARGIN, y: top + height / 3 });
        const { x, y } = [...taken].sort((a, b) => a.x - b.x || a.y - b.y)[0] ?? start;
        const added = features.map((feature): AddNode => {
          const { node } = addInput(store.view, kind, feature, x, y);
          const box = free({ x, y, ...sizeOf(node, kind) }, taken);
          taken.push(box);
          const place = maker.documentPoint("", box);
          return { op: "add_node", node: { ...node, x: Math.round(place.x), y: Math.round(place.y) } };
        });
        store.edit(added);
        session.select([]);
        const last = taken.at(-1);
        if (last) reveal(last);
      },
      /** The patch, its new nodes moved to where they cover no other. */
      settled: (patch: readonly Change[]): Change[] =>
        patch.map((change) => {
          if (change.op !== "add_node" || change.node.x === null || change.node.y === null) return change;
          const { x, y } = change.node;
          const kind = store.kinds.get(change.node.kind);
          const at = kind ? free({ x, y, ...sizeOf(change.node, kind) }, maker.obstacles(change.node.scope)) : { x, y };
          return { op: "add_node", node: { ...change.node, x: Math.round(at.x), y: Math.round(at.y) } };
        }),
    };
  }, [session, flow, state, reveal]);
}

/** To the right of a node that it may feed on, else in its place, for `free` to find one below. */
function after({ position: { x, y }, width = 0, ...node }: FlowNode, kind: KindInfo): Box {
  const feeds = node.type === "scope" || (node.data.ports.outputs.length > 0 && !isEnd(node.data.kind));
  const follows = kind.inputs.length > 0 && feeds;
  return { x: follows ? x + width + GAP_X : x, y, ...newSize(kind) };
}

/** With its middle at a point of the flow. */
export function around(kind: KindInfo, { x, y }: { x: number; y: number }): Box {
  const { width, height } = newSize(kind);
  return { x: x - width / 2, y: y - height / 2, width, height };
}

export function newSize(kind: KindInfo): { width: number; height: number } {
  return sizeOf(addNode({ nodes: new Map(), edges: [] }, kind, 0, 0).node, kind);
}

export function sizeOf(node: NodeDoc, kind: KindInfo | undefined): { width: number; height: number } {
  const { width, height } = geometryOf(node, portsOf(node, kind, undefined, []), kind?.label ?? node.kind);
  return { width, height };
}

/** The scope that something beside a node or scope belongs into. */
function scopeAround(drawn: FlowNode): string {
  return drawn.type === "scope" ? drawn.data.scope.parent : drawn.data.node.scope;
}
