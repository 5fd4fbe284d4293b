import { type RefObject, useCallback, useEffect, useState } from "react";
import type { Change, EdgeDoc, PortVerdict } from "../wire";
import { type Choice, type ChoiceGroup, Chooser } from "./Chooser";
import { connect, reconnect } from "./edits";
import { familyHue } from "./families";
import { useSession } from "./GraphProvider";
import type { PortMenu as Wish } from "./menus";
import { pathOf } from "./scopes";
import type { Session } from "./session";
import type { GraphStore, PortEnd } from "./store";

interface PortMenuProps {
  canvas: RefObject<HTMLElement | null>;
  menu: Wish;
  onClose: () => void;
}

/** The ports that a wire from or to this one could have as its other end, by Python's verdict, and a new node. */
export function PortMenu({ canvas, menu, onClose }: PortMenuProps) {
  const session = useSession();
  const fitting = useFitting(session.store, menu);
  const find = useCallback(
    (query: string): ChoiceGroup[] | null => {
      if (fitting === null) return null;
      const word = query.toLowerCase();
      const named = (choices: Choice[]) => choices.filter(({ label }) => label.toLowerCase().includes(word));
      const ports = named(fitting.flatMap((port) => choiceOf(session.store, menu, port)));
      const title = menu.side === "output" ? "Inputs that it fits" : "Outputs that fit";
      const groups = [
        { title, choices: menu.side === "output" ? freeFirst(ports) : ports },
        { title: "Or", choices: named(actionsOf(session, menu)) },
      ];
      return groups.filter(({ choices }) => choices.length > 0);
    },
    [session, fitting, menu],
  );
  const { nodes } = session.store.view;
  const name = nodes.get(menu.end.node)?.name ?? "";
  const label =
    menu.moving.length === 0
      ? `Connect ${menu.end.port}`
      : menu.side === "input"
        ? `Connect ${menu.end.port} of ${name} to another output`
        : `Connect ${name} to another input instead`;
  return <Chooser canvas={canvas} at={menu.at} label={label} find={find} onClose={onClose} />;
}

/** The ports that fit; null until Python has answered. */
function useFitting(store: GraphStore, { end, side }: Wish): PortVerdict[] | null {
  const [fitting, setFitting] = useState<PortVerdict[] | null>(null);
  useEffect(() => {
    let left = false;
    const asked = side === "output" ? store.fits(end.node, end.port) : store.sources(end.node, end.port);
    void asked.then((ports) => {
      if (!left) setFitting(ports.filter(({ reason }) => reason === null));
    });
    return () => {
      left = true;
    };
  }, [store, end, side]);
  return fitting;
}

/** The wire to that port, or the wires that are taken there. */
function patchFor({ view }: GraphStore, { end, side, moving }: Wish, { node, port }: PortVerdict): Change[] {
  const [from, to]: [PortEnd, PortEnd] = side === "output" ? [end, { node, port }] : [{ node, port }, end];
  if (moving.length === 0)
    return connect(view, { source: from.node, source_port: from.port, target: to.node, target_port: to.port });
  const other = side === "output" ? { target: node, target_port: port } : { source: node, source_port: port };
  return moving.flatMap((edge) => reconnect(view, edge, { ...edge, ...other }));
}

/** A port to choose; none if that wire is there. */
function choiceOf(store: GraphStore, menu: Wish, other: PortVerdict): Choice[] {
  const { side } = menu;
  const { nodes, info } = store.view;
  const node = nodes.get(other.node);
  const patch = patchFor(store, menu, other);
  if (!node || patch.length === 0) return [];
  const before = side === "output" ? heldBy(store, other) : undefined;
  const outputs = info.get(other.node)?.outputs ?? [];
  const alone = side === "input" && outputs.length < 2;
  const spec = outputs.find(({ name }) => name === other.port)?.spec;
  return [
    {
      id: `${pathOf(node)}:${other.port}`,
      label: alone ? pathOf(node) : `${pathOf(node)}: ${other.port}`,
      detail: side === "output" ? before && `instead of ${nodes.get(before.source)?.name}` : spec,
      hue: familyHue(store.kinds.get(node.kind)?.family),
      choose: () => store.edit(patch),
    },
  ];
}

/** A new node at the other end, and to take away the wire that is there. */
function actionsOf(session: Session, { at, end, side, moving }: Wish): Choice[] {
  const { store } = session;
  if (moving.length > 0) {
    const disconnect = () => store.edit(moving.map((edge) => ({ op: "disconnect", edge })));
    return [{ id: "disconnect", label: "Disconnect", choose: disconnect }];
  }
  const [source, target] = side === "output" ? [end, null] : [null, end];
  const held = side === "input" ? heldBy(store, end) : undefined;
  const added: Choice = {
    id: "new",
    label: "New node…",
    choose: () => session.openMenu({ what: "add", at, point: null, source, target }),
  };
  if (!held) return [added];
  const name = store.view.nodes.get(held.source)?.name;
  const disconnect = () => store.edit([{ op: "disconnect", edge: held }]);
  return [added, { id: "disconnect", label: `Disconnect from ${name}`, choose: disconnect }];
}

/** The wire that an input holds. */
function heldBy({ view }: GraphStore, { node, port }: PortEnd): EdgeDoc | undefined {
  return view.edges.find(({ target, target_port }) => target === node && target_port === port);
}

/** Inputs that hold no wire come before those that do, which say so. */
function freeFirst(choices: readonly Choice[]): Choice[] {
  return [...choices.filter(({ detail }) => !detail), ...choices.filter(({ detail }) => detail)];
}
