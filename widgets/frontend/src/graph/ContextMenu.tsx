import type { RefObject } from "react";
import { type Choice, Chooser } from "./Chooser";
import { COMMANDS, isForbidden, type Target } from "./commands";
import { findCommands } from "./finding";
import { useSession } from "./GraphProvider";
import type { ContextMenu as Wish } from "./menus";
import { nameOf } from "./selecting";
import type { Session } from "./session";
import { useCommands } from "./useCommands";
import { useMenus } from "./useMenus";

interface ContextMenuProps {
  canvas: RefObject<HTMLElement | null>;
  menu: Wish;
  onClose: () => void;
}

/** What can be done with what is selected, or with the graph if nothing is. */
export function ContextMenu({ canvas, menu, onClose }: ContextMenuProps) {
  const session = useSession();
  const run = useCommands();
  const { addAt, addHere } = useMenus();
  const target = targetOf(session);
  const carryOut = (id: string) => {
    const command = COMMANDS.find((command) => command.id === id);
    const focused = document.activeElement;
    const from = focused instanceof HTMLElement && canvas.current?.contains(focused) ? focused : canvas.current;
    if (command && from) run(command, from);
  };
  const add: Choice = {
    id: "add",
    label: { nodes: "Add a node after it", wires: "Insert a node", nothing: "Add a node" }[target],
    keys: "A",
    choose: () => (target === "nothing" ? addAt(menu.at.x, menu.at.y) : canvas.current && addHere(canvas.current)),
  };
  const find = (query: string) => {
    const offered = COMMANDS.filter(
      (command) => command.on?.includes(target) && !command.idle?.(session) && !isForbidden(command, session),
    );
    const wanted = new Set(offered.map(({ id }) => id));
    const found = findCommands(session, query).filter(({ id }) => wanted.has(id));
    const adds = !session.store.readOnly && add.label.toLowerCase().includes(query.toLowerCase());
    const first = adds ? [add] : [];
    return [{ title: null, choices: [...first, ...found.map((choice) => ({ ...choice, choose: () => carryOut(choice.id) }))] }];
  };
  const { selectedNodes, selectedEdges, store } = session;
  const name = nameOf(session, { nodes: [...selectedNodes], edges: [...selectedEdges] });
  const label = target === "nothing" ? `Graph ${store.view.name}` : name;
  return <Chooser canvas={canvas} at={menu.at} width={360} label={label} find={find} onClose={onClose} />;
}

function targetOf({ selectedNodes, selectedEdges }: Session): Target {
  if (selectedNodes.size > 0) return "nodes";
  return selectedEdges.size > 0 ? "wires" : "nothing";
}
