import { type RefObject, useEffect, useMemo, useState } from "react";
import type { Version } from "../wire";
import { type Choice, type ChoiceGroup, Chooser } from "./Chooser";
import type { Command } from "./commands";
import { useSession } from "./GraphProvider";
import type { ViewMenu as Wish } from "./menus";
import { PICTURE_COMMANDS } from "./pictureCommands";
import { useCommands } from "./useCommands";

const WIDTH = 420;
/** Below the bar. */
const TOP = 48;
const TITLES: Record<string, string> = {
  operations: "Operations that the machine runs",
  gradients: "Gradients of the loss",
};

interface ViewMenuProps {
  canvas: RefObject<HTMLElement | null>;
  what: Wish["what"];
  onClose: () => void;
}

/** What else the graph can be looked at as. */
export function ViewMenu({ canvas, what, onClose }: ViewMenuProps) {
  const session = useSession();
  const run = useCommands();
  const versions = useVersions();
  const at = useMemo(() => {
    const bounds = canvas.current?.getBoundingClientRect();
    return bounds ? { x: bounds.left + (bounds.width - WIDTH) / 2, y: bounds.top + TOP } : { x: 0, y: 0 };
  }, [canvas]);
  const carryOut = (command: Command) => canvas.current && run(command, canvas.current);
  const find = (query: string): ChoiceGroup[] | null => {
    if (versions === null && what === "versions") return null;
    const words = query.toLowerCase().split(/\s+/);
    const named = (choices: Choice[]) =>
      choices.filter(({ label }) => words.every((word) => label.toLowerCase().includes(word)));
    const pictures = PICTURE_COMMANDS.filter(({ id }) => what === "views" && id in TITLES).map((command): Choice => {
      return { id: command.id, label: TITLES[command.id]!, choose: () => carryOut(command) };
    });
    const changes = (versions ?? []).map(({ id, label, detail }): Choice => {
      return { id, label, detail, choose: () => session.pictures.show({ what: "compare", version: id }) };
    });
    const groups = [
      { title: "Look at", choices: named(pictures) },
      { title: "Compare with", choices: named(changes) },
    ];
    return groups.filter(({ choices }) => choices.length > 0);
  };
  const label = what === "views" ? "Look at the graph as" : "Compare with";
  return <Chooser canvas={canvas} at={at} width={WIDTH} label={label} find={find} onClose={onClose} />;
}

/** The versions that there are; null until Python has answered. */
function useVersions(): Version[] | null {
  const { pictures } = useSession();
  const [versions, setVersions] = useState<Version[] | null>(null);
  useEffect(() => {
    let left = false;
    void pictures.versions().then((found) => {
      if (!left) setVersions(found);
    });
    return () => {
      left = true;
    };
  }, [pictures]);
  return versions;
}
