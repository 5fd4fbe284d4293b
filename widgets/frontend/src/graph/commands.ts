import { FILE_COMMANDS } from "../files/commands";
import type { EdgeDoc } from "../wire";
import { type Alignment, ALIGNMENTS } from "./aligning";
import type { Point } from "./arrangement";
import { duplicate } from "./pasting";
import type { Box } from "./place";
import { PICTURE_COMMANDS, PICTURE_MENUS } from "./pictureCommands";
import { scopePath, scopesOf } from "./scopes";
import type { Session } from "./session";

/** What a command works on besides the session. */
export interface Scene {
  session: Session;
  /** The element of the editor. */
  editor: HTMLElement;
  /** Bring all, or what is selected, into view. */
  fit(which: "all" | "selected"): void;
  /** Come one step nearer, or go one away; 0 shows things at their own size. */
  zoom(step: 1 | -1 | 0): void;
  /** Move the view by as little as shows a box. */
  reveal(box: Box): void;
  /** A point of the window beside a node, or in the middle if it is not to be seen. */
  beside(node: string): Point;
  /** Put what is selected on the clipboard, by the browser's own event. */
  copy(how: "copy" | "cut"): void;
  /** Drop the wire that is being drawn. */
  cancelWire(): void;
  /** The id of the node or scope that has the focus. */
  focused: string | undefined;
  /** Give the focus to what a command leaves, once that is drawn: a scope by its path, or the canvas. */
  focus(what: { scope: string | null } | "canvas"): void;
}

/** What is selected: one or more nodes or scopes, wires alone, or nothing. */
export type Target = "nodes" | "wires" | "nothing";

/** Something to do in the editor: by key, by button, or from the list of commands. */
export interface Command {
  id: string;
  title: string;
  group: "File" | "Run" | "Edit" | "Arrange" | "Look" | "Find";
  /** As people read them: "Ctrl+Shift+Z". On a Mac the command key stands for Ctrl. */
  keys: readonly string[];
  /** Its keys work in text fields, too, where the browser would do something else. */
  everywhere?: true;
  /** A short list leaves it out while there is nothing to do. */
  passing?: true;
  /** With what selected the context menu offers it. */
  on?: readonly Target[];
  run(scene: Scene): void;
  /** Whether there is nothing to do now. */
  idle?(session: Session): boolean;
  /** It changes nothing, whatever its group. */
  harmless?: true;
}

/** Whether a picture forbids a command: it lets look and find alone; the graph below it hears only what is about it. */
export function isForbidden(command: Command, { store, outer, pictures }: Session): boolean {
  if (PICTURE_COMMANDS.includes(command) || command === ESCAPE) return false;
  if (!outer && pictures.open) return true;
  return store.readOnly && !command.harmless && command.group !== "Look" && command.group !== "Find";
}

const nothingSelected = ({ selectedNodes }: Session): boolean => selectedNodes.size === 0;
/** The one wire, or the wires of one output, that are selected alone. */
function wiresOf(session: Session): EdgeDoc[] {
  const [first, ...others] = session.selectedNodes.size === 0 ? session.edges() : [];
  const together = others.every(({ source, source_port }) => source === first?.source && source_port === first.source_port);
  return first && together ? [first, ...others] : [];
}
const isEmpty = ({ store }: Session): boolean => store.view.nodes.size === 0;

/** Everything that a key does, in the order in which people see it. */
export const COMMANDS: readonly Command[] = [
  ...FILE_COMMANDS,
  {
    id: "run",
    title: "Train, pause or resume",
    group: "Run",
    keys: ["Ctrl+Enter"],
    everywhere: true,
    run: ({ session }) => session.run(),
  },
  {
    id: "undo",
    title: "Undo",
    group: "Edit",
    keys: ["Ctrl+Z"],
    on: ["nothing"],
    run: ({ session }) => session.store.history("undo"),
    idle: ({ store }) => !store.view.canUndo,
  },
  {
    id: "redo",
    title: "Redo",
    group: "Edit",
    keys: ["Ctrl+Shift+Z", "Ctrl+Y"],
    on: ["nothing"],
    run: ({ session }) => session.store.history("redo"),
    idle: ({ store }) => !store.view.canRedo,
  },
  {
    id: "all",
    title: "Select all",
    group: "Edit",
    keys: ["Ctrl+A"],
    on: ["nothing"],
    run: ({ session }) => session.selectAll(),
    idle: isEmpty,
    harmless: true,
  },
  {
    id: "remove",
    title: "Delete the selection",
    group: "Edit",
    keys: ["Delete", "Backspace"],
    on: ["nodes", "wires"],
    run: ({ session, focus }) => {
      session.removeSelected();
      focus("canvas");
    },
    idle: ({ selectedNodes, selectedEdges }) => selectedNodes.size + selectedEdges.size === 0,
  },
  {
    id: "new-target",
    title: "Take the wire to another input",
    group: "Edit",
    keys: [],
    on: ["wires"],
    run: ({ session, beside }) => {
      const moving = wiresOf(session);
      const { source, source_port, target } = moving[0]!;
      const end = { node: source, port: source_port };
      session.openMenu({ what: "port", at: beside(target), end, side: "output", moving });
    },
    idle: (session) => wiresOf(session).length !== 1,
  },
  {
    id: "new-source",
    title: "Take the wire from another output",
    group: "Edit",
    keys: [],
    on: ["wires"],
    run: ({ session, beside }) => {
      const moving = wiresOf(session);
      const { source, target, target_port } = moving[0]!;
      const end = { node: target, port: target_port };
      session.openMenu({ what: "port", at: beside(source), end, side: "input", moving });
    },
    idle: (session) => wiresOf(session).length === 0,
  },
  {
    id: "copy",
    title: "Copy the selection",
    group: "Edit",
    keys: [],
    on: ["nodes"],
    run: ({ copy }) => copy("copy"),
    idle: nothingSelected,
  },
  {
    id: "cut",
    title: "Cut the selection",
    group: "Edit",
    keys: [],
    on: ["nodes"],
    run: ({ copy }) => copy("cut"),
    idle: nothingSelected,
  },
  {
    id: "duplicate",
    title: "Duplicate the selection",
    group: "Edit",
    keys: ["Ctrl+D"],
    on: ["nodes"],
    run: ({ session, reveal }) => {
      const box = duplicate(session);
      if (box) reveal(box);
    },
    idle: nothingSelected,
  },
  {
    id: "inspect",
    title: "Rename and set parameters",
    group: "Edit",
    keys: ["F2"],
    on: ["nodes"],
    run: ({ session }) => session.inspect(),
    idle: nothingSelected,
    harmless: true,
  },
  {
    id: "saveBlock",
    title: "Save the selection as a block…",
    group: "Edit",
    keys: ["Ctrl+Shift+B"],
    on: ["nodes"],
    run: ({ session }) => session.openMenu({ what: "block" }),
    idle: nothingSelected,
  },
  {
    id: "bypass",
    title: "Bypass the selection, or compute again",
    group: "Edit",
    keys: ["Ctrl+B"],
    on: ["nodes"],
    run: ({ session }) => session.bypassSelected(),
    idle: nothingSelected,
  },
  {
    id: "group",
    title: "Group the selection into a scope",
    group: "Arrange",
    keys: ["Ctrl+G"],
    on: ["nodes"],
    run: ({ session }) => session.group(),
    idle: nothingSelected,
  },
  {
    id: "ungroup",
    title: "Take the selected scopes away",
    group: "Arrange",
    keys: ["Ctrl+Shift+G"],
    on: ["nodes"],
    run: ({ session, focus }) => {
      session.ungroup();
      focus("canvas");
    },
    idle: ({ selectedNodes }) => ![...selectedNodes].some((id) => scopePath(id) !== null),
  },
  {
    id: "tidy",
    title: "Tidy the layout of the selection, or of all",
    group: "Arrange",
    keys: ["Ctrl+Shift+L"],
    on: ["nodes", "nothing"],
    run: ({ session }) => session.tidy(),
    idle: isEmpty,
  },
  ...Object.entries(ALIGNMENTS).map(
    ([how, title]): Command => ({
      id: how,
      title,
      group: "Arrange",
      keys: [],
      on: ["nodes"],
      run: ({ session }) => session.align(how as Alignment),
      idle: ({ selectedNodes }) => selectedNodes.size < 2,
    }),
  ),
  {
    id: "fold",
    title: "Fold or open a scope",
    group: "Look",
    keys: ["F"],
    on: ["nodes"],
    run: ({ session, focused, focus }) => {
      focus({ scope: session.toggleFold(focused ?? [...session.selectedNodes][0]) });
    },
    idle: ({ store }) => scopesOf(store.view).size === 0,
  },
  {
    id: "foldAll",
    title: "Fold or open all scopes",
    group: "Look",
    keys: ["Shift+F"],
    on: ["nothing"],
    run: ({ session, focused, focus }) => {
      session.foldAll();
      focus({ scope: focused === undefined ? null : session.hiding(focused) });
    },
    idle: ({ store }) => scopesOf(store.view).size === 0,
  },
  {
    id: "fit",
    title: "Fit the selection into view, or all",
    group: "Look",
    keys: ["."],
    on: ["nodes", "nothing"],
    run: ({ fit }) => fit("selected"),
    idle: isEmpty,
  },
  { id: "zoom-in", title: "Zoom in", group: "Look", keys: ["+", "="], run: ({ zoom }) => zoom(1) },
  { id: "zoom-out", title: "Zoom out", group: "Look", keys: ["-"], run: ({ zoom }) => zoom(-1) },
  { id: "zoom-none", title: "Zoom to 100 %", group: "Look", keys: ["0"], run: ({ zoom }) => zoom(0) },
  {
    id: "map",
    title: "Show or hide the map",
    group: "Look",
    keys: ["M"],
    run: ({ session }) => session.toggleMap(),
    idle: isEmpty,
  },
  ...PICTURE_MENUS,
  ...PICTURE_COMMANDS,
  {
    id: "search",
    title: "Find a node",
    group: "Find",
    keys: ["Ctrl+F"],
    on: ["nothing"],
    run: ({ session }) => session.openMenu({ what: "search" }),
    idle: isEmpty,
  },
  {
    id: "commands",
    title: "Find a command",
    group: "Find",
    keys: ["Ctrl+K"],
    on: ["nothing"],
    run: ({ session }) => session.openMenu({ what: "commands" }),
  },
  {
    id: "help",
    title: "Explain the selected node",
    group: "Find",
    keys: ["F1"],
    on: ["nodes"],
    run: ({ session }) => session.explain(),
    idle: nothingSelected,
  },
  {
    id: "keys",
    title: "List all keys",
    group: "Find",
    keys: ["?"],
    on: ["nothing"],
    run: ({ session }) => session.openMenu({ what: "keys" }),
  },
];

/** What leaves whatever is open: it is no command that one would look for. */
export const ESCAPE: Command = {
  id: "escape",
  title: "Leave",
  group: "Edit",
  keys: ["Escape"],
  run: ({ session, cancelWire }) => {
    cancelWire();
    session.endWiring();
    session.tidying.cancel();
    session.store.dismissRefusal();
    if (session.outer) session.pictures.close();
  },
};

interface Pressed {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  shiftKey: boolean;
  altKey: boolean;
}

/** The command of a key that is pressed; null if it has none. */
export function commandOf(event: Pressed): Command | null {
  return [...COMMANDS, ESCAPE].find(({ keys }) => keys.some((key) => matches(key, event))) ?? null;
}

function matches(written: string, { key, ctrlKey, metaKey, shiftKey, altKey }: Pressed): boolean {
  const parts = written === "+" ? [written] : written.split("+");
  const wanted = parts.pop()!;
  const control = parts.includes("Ctrl");
  if (altKey || control !== (ctrlKey || metaKey)) return false;
  if (!/^[A-Z]$/.test(wanted)) return key === wanted; // whether a sign needs Shift depends on the keyboard
  return key.toUpperCase() === wanted && shiftKey === parts.includes("Shift");
}
