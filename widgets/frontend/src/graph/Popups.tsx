import { useEffect, useRef } from "react";
import { COMMANDS } from "./commands";
import { findCommands, findNodes } from "./finding";
import { useGraph, useSelected, useSession } from "./GraphProvider";
import { KeyList } from "./KeyList";
import { type Choice, PickList } from "./PickList";
import { scopePath } from "./scopes";
import { focusCanvas, useCommands } from "./useCommands";

/** What is open over the canvas: the search for a node or for a command, or the list of keys. */
export function Popups() {
  const session = useSession();
  const popup = useSelected(({ popup }) => popup);
  const view = useGraph();
  const run = useCommands();
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (popup === "keys") place.current?.querySelector("button")?.focus();
  }, [popup]);
  if (popup === null) return null;

  const close = () => {
    if (place.current) focusCanvas(place.current);
    session.close();
  };
  const show = ({ id }: Choice) => {
    close();
    if (scopePath(id) === null) session.show(id);
    else session.showScope(scopePath(id)!);
  };
  const carryOut = ({ id }: Choice) => {
    const canvas = place.current!.parentElement!;
    close();
    run(COMMANDS.find((command) => command.id === id)!, canvas);
  };
  return (
    <div ref={place} className="fl-overlay nowheel">
      {popup === "search" && (
        <PickList
          label="Find a node"
          none="No node is like that."
          find={(query) => findNodes(view, session.store.kinds, query)}
          onChoose={show}
          onClose={close}
          testId="find-node"
        />
      )}
      {popup === "commands" && (
        <PickList
          label="Find a command"
          none="No command is like that."
          find={(query) => findCommands(session, query)}
          onChoose={carryOut}
          onClose={close}
          testId="find-command"
        />
      )}
      {popup === "keys" && <KeyList onClose={close} />}
    </div>
  );
}
