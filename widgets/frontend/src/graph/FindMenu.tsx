import { type RefObject, useEffect, useMemo, useRef } from "react";
import { type Choice, Chooser } from "./Chooser";
import { COMMANDS } from "./commands";
import { findCommands, findNodes } from "./finding";
import { useGraph, useSession } from "./GraphProvider";
import { KeyList } from "./KeyList";
import type { Finder } from "./menus";
import { scopePath } from "./scopes";
import { focusCanvas, useCommands } from "./useCommands";

const WIDTH = 420;
/** Below the bar. */
const TOP = 48;

/** More than these nobody reads; typing finds the others. */
const MOST = 60;

interface FindMenuProps {
  canvas: RefObject<HTMLElement | null>;
  what: Finder["what"];
  onClose: () => void;
}

/** The search for a node or for a command, or the list of keys. */
export function FindMenu({ canvas, what, onClose }: FindMenuProps) {
  const session = useSession();
  const view = useGraph();
  const run = useCommands();
  const keys = useRef<HTMLDivElement>(null);
  const at = useMemo(() => {
    const bounds = canvas.current?.getBoundingClientRect();
    return bounds ? { x: bounds.left + (bounds.width - WIDTH) / 2, y: bounds.top + TOP } : { x: 0, y: 0 };
  }, [canvas]);
  useEffect(() => {
    if (what === "keys") keys.current?.querySelector("button")?.focus();
  }, [what]);

  if (what === "keys") {
    const leave = () => {
      if (canvas.current) focusCanvas(canvas.current);
      onClose();
    };
    return (
      <div ref={keys} className="fl-overlay nowheel">
        <KeyList onClose={leave} />
      </div>
    );
  }
  const show = (id: string) => {
    const path = scopePath(id);
    if (path === null) session.show(id);
    else session.showScope(path);
  };
  const carryOut = (id: string) => {
    const command = COMMANDS.find((command) => command.id === id);
    if (command && canvas.current) run(command, canvas.current);
  };
  const choices = (query: string): Choice[] =>
    what === "search"
      ? findNodes(view, session.store.kinds, query).map((found) => ({ ...found, choose: () => show(found.id) }))
      : findCommands(session, query).map((found) => ({ ...found, choose: () => carryOut(found.id) }));
  return (
    <Chooser
      key={what}
      canvas={canvas}
      at={at}
      width={WIDTH}
      label={what === "search" ? "Find a node" : "Find a command"}
      find={(query) => [{ title: null, choices: choices(query).slice(0, MOST) }]}
      onClose={onClose}
    />
  );
}
