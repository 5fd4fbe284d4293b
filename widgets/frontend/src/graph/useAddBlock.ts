import { useReactFlow, useStoreApi } from "@xyflow/react";
import { useMemo } from "react";
import type { BlockContent, Change, EdgeDoc } from "../wire";
import { around, type Point } from "./arrangement";
import { pasted } from "./clipboard";
import { sameTarget } from "./document";
import { focusSoon, nodeSelector } from "./focusing";
import { useSession } from "./GraphProvider";
import { count } from "./numbers";
import { boxOf, shiftOf } from "./pasting";
import { type Box, free, GAP_X } from "./place";
import { parentOf, scopePath } from "./scopes";
import type { Session } from "./session";
import type { PortEnd } from "./store";
import { useReveal } from "./useReveal";

/** What a block is wired to: the output that it takes, and the inputs that take what it gives. */
export interface BlockEnds {
  source: PortEnd | null;
  targets: readonly PortEnd[];
}

const LOOSE: BlockEnds = { source: null, targets: [] };

/** Ways to add blocks: each a scope with copies of what is in the block, as one edit. The new scope is selected. */
export function useAddBlock() {
  const session = useSession();
  const flow = useReactFlow();
  const state = useStoreApi();
  const reveal = useReveal();
  return useMemo(() => {
    /** Where a point of the window is given: there, else after what is selected, else in the middle of what is seen. */
    const put = async (name: string, at: Point | null, ends: BlockEnds): Promise<string | null> => {
      const bounds = state.getState().domNode?.getBoundingClientRect();
      const content = await session.blocks.take(name, ends.source);
      if (typeof content === "string") session.store.complain(content);
      if (!bounds || typeof content === "string") return null;
      const middle = at ?? { x: bounds.left + bounds.width / 2, y: bounds.top + bounds.height / 2 };
      const where = placeFor(session, content, at === null, flow.screenToFlowPosition(middle), ends);
      const added = add(session, content, where, ends);
      if (added !== null) reveal(where.box);
      return added;
    };
    return {
      addNext: (name: string): void => void put(name, null, LOOSE),
      /** Where it is dropped; on the wire that is marked, between its ends. */
      addAtPointer: (name: string, x: number, y: number): void => {
        const bounds = state.getState().domNode?.getBoundingClientRect();
        if (!bounds || x < bounds.left || x > bounds.right || y < bounds.top || y > bounds.bottom) return;
        void put(name, { x, y }, endsOf(session.aimed));
      },
      /** Wired to the ends for which a list of what fits was opened, at a point of the window. It gets the focus. */
      addWired: async (name: string, at: Point | null, ends: BlockEnds): Promise<void> => {
        const added = await put(name, at, ends);
        if (added !== null) focusSoon(state.getState().domNode, nodeSelector(added));
      },
    };
  }, [session, flow, state, reveal]);
}

/** The two ends of a wire, or of several that are drawn as one. */
function endsOf(edges: readonly EdgeDoc[]): BlockEnds {
  const [first] = edges;
  if (!first) return LOOSE;
  const targets = edges.map(({ target, target_port }) => ({ node: target, port: target_port }));
  return { source: { node: first.source, port: first.source_port }, targets };
}

interface Where {
  box: Box;
  scope: string;
}

function placeFor(session: Session, content: BlockContent, beside: boolean, point: Point, ends: BlockEnds): Where {
  const { store, maker, selectedNodes } = session;
  const { width, height } = around([boxOf(session, content)]);
  const alone = ends.source?.node ?? (beside && selectedNodes.size === 1 ? [...selectedNodes][0] : undefined);
  const before = alone === undefined ? undefined : maker.shown(alone);
  const path = alone === undefined ? null : scopePath(alone);
  if (alone === undefined || !before || !beside) {
    const scope = maker.scopeAt(point);
    const box = { x: point.x - width / 2, y: point.y - height / 2, width, height };
    return { box: free(box, maker.obstacles(scope)), scope };
  }
  const scope = path === null ? (store.view.nodes.get(alone)?.scope ?? "") : parentOf(path);
  const box = { x: before.x + before.width + GAP_X, y: before.y, width, height };
  return { box: free(box, maker.obstacles(scope)), scope };
}

/** Add it, and say so. Returns the id of the new scope on the canvas; null if it does not fit. */
function add(session: Session, content: BlockContent, { box, scope }: Where, ends: BlockEnds): string | null {
  const { store } = session;
  const wires = wiresOf(content, ends);
  if (wires === null) {
    store.complain(`No input of ${content.name} takes ${specOf(session, ends.source)}`);
    return null;
  }
  const shift = shiftOf(session, scope, around([boxOf(session, content)]), box);
  const piece = { nodes: content.nodes, edges: [...content.edges, ...wires] };
  const { patch, selection } = pasted(store.view, piece, scope, shift);
  const replaced = store.view.edges.filter((edge) => wires.some((wire) => sameTarget(wire, edge)));
  store.edit([...replaced.map((edge): Change => ({ op: "disconnect", edge })), ...patch]);
  store.announce(`${content.name} ${wires.length > 0 ? "wired" : "added"}, ${count(content.nodes.length, "node")}`);
  session.select(selection);
  return selection[0] ?? null;
}

/** The wires to the outside, with the ids that nodes have in the block; null if there is none for an end. */
function wiresOf({ inputs, outputs, fits }: BlockContent, { source, targets }: BlockEnds): EdgeDoc[] | null {
  const input = source ? inputs[fits ?? -1] : undefined;
  const output = targets.length > 0 ? outputs[0]?.ports[0] : undefined;
  if ((source && !input) || (targets.length > 0 && !output)) return null;
  const into = input?.ports ?? [];
  return [
    ...into.map(({ node, port }) => ({
      source: source!.node,
      source_port: source!.port,
      target: node,
      target_port: port,
    })),
    ...targets.map(({ node, port }) => ({
      source: output!.node,
      source_port: output!.port,
      target: node,
      target_port: port,
    })),
  ];
}

function specOf({ store }: Session, end: PortEnd | null): string {
  const output = store.view.info.get(end?.node ?? "")?.outputs.find(({ name }) => name === end?.port);
  return output?.spec ?? "that";
}
