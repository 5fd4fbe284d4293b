import { useCallback } from "react";
import type { Change, Follower, KindInfo } from "../wire";
import { connect, addNode } from "./edits";
import { useSession } from "./GraphProvider";
import type { AddMenu } from "./menus";
import { type Box, free, GAP_X } from "./place";
import { joined } from "./scopes";
import type { Session } from "./session";
import { around, newSize, useAddNode } from "./useAddNode";
import { useReveal } from "./useReveal";

/** Adds a node, wired to the ends that the menu was opened for, as one edit. It is selected; its id. */
export function useWiredAdd(): (kind: KindInfo, follower: Follower | null, menu: AddMenu) => string | null {
  const session = useSession();
  const { next } = useAddNode();
  const reveal = useReveal();
  return useCallback(
    (kind, follower, menu) => {
      const { store, maker } = session;
      const place = placeFor(session, kind, menu) ?? next(kind);
      if (!place) return null;
      const { x, y } = maker.documentPoint(place.scope, place.box);
      const { node } = addNode(store.view, kind, x, y, place.scope);
      const params = follower?.params ?? {};
      const patch: Change[] = [{ op: "add_node", node: { ...node, params } }, ...wires(session, node.id, follower, menu)];
      store.edit(patch);
      store.announce(wordsFor(session, joined(place.scope, node.name), menu));
      session.select([node.id]);
      reveal(place.box);
      return node.id;
    },
    [session, next, reveal],
  );
}

/** The wires of the new node. What the input held before is disconnected. */
function wires({ store }: Session, id: string, follower: Follower | null, { source, target }: AddMenu): Change[] {
  const made: Change[] = [];
  if (source && follower?.port != null) {
    const edge = { source: source.node, source_port: source.port, target: id, target_port: follower.port };
    made.push({ op: "connect", edge });
  }
  if (target && follower?.output != null) {
    const edge = { source: id, source_port: follower.output, target: target.node, target_port: target.port };
    made.push(...connect(store.view, edge));
  }
  return made;
}

/** Where it was asked for, or beside the ends of its wires; null if there is neither. */
function placeFor({ store, maker }: Session, kind: KindInfo, menu: AddMenu): { box: Box; scope: string } | null {
  const { width, height } = newSize(kind);
  const { point, source, target } = menu;
  if (point) {
    const scope = maker.scopeAt(point);
    if (!source && !target) return { box: around(kind, point), scope };
    const box = { x: source ? past(maker.shown(source.node), point.x) : point.x - width, y: point.y - height / 2, width, height };
    return { box: free(box, maker.obstacles(scope)), scope };
  }
  const [before, after] = [source, target].map((end) => (end ? maker.shown(end.node) : undefined));
  const scope = store.view.nodes.get((target ?? source)?.node ?? "")?.scope ?? "";
  const y = (after ?? before)?.y ?? 0;
  const x =
    before && after
      ? (before.x + before.width + after.x - width) / 2
      : before
        ? before.x + before.width + GAP_X
        : after && after.x - GAP_X - width;
  return x === undefined ? null : { box: free({ x, y, width, height }, maker.obstacles(scope)), scope };
}

/** Right of a box, but for a point that is well left of where it ends: the wire then has no loop to make. */
function past(before: Box | undefined, x: number): number {
  return before && x > before.x ? Math.max(x, before.x + before.width + GAP_X / 2) : x;
}

function wordsFor({ store }: Session, name: string, { source, target }: AddMenu): string {
  const nameOf = (id: string) => store.view.nodes.get(id)?.name ?? "node";
  const ends = [source && `after ${nameOf(source.node)}`, target && `before ${nameOf(target.node)}`].filter(Boolean);
  return [`${name} added`, ...ends].join(" ");
}
