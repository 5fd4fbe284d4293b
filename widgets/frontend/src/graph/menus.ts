import type { FilesMenu } from "../files/menus";
import type { EdgeDoc } from "../wire";
import type { Point } from "./arrangement";
import type { PortEnd } from "./store";

/** Kinds of node to add. With ends given only what fits there is offered, and wired. */
export interface AddMenu {
  what: "add";
  /** Where the list opens, in pixels of the window. */
  at: Point;
  /** Where the node comes, on the canvas; null: where there is room for it. */
  point: Point | null;
  /** The output that it takes, and the input that takes what it gives. */
  source: PortEnd | null;
  target: PortEnd | null;
}

/** The ports that a wire from or to this one could have as its other end. */
export interface PortMenu {
  what: "port";
  at: Point;
  end: PortEnd;
  side: "input" | "output";
  /** Wires of which that end is taken elsewhere; without them a new wire is made. */
  moving: readonly EdgeDoc[];
}

/** The commands for what is selected. */
export interface ContextMenu {
  what: "context";
  at: Point;
}

/** A search for a node or for a command, or the list of keys. */
export interface Finder {
  what: "search" | "commands" | "keys";
}

/** What else the graph can be looked at as: operations, gradients, changes; or the versions alone to compare it with. */
export interface ViewMenu {
  what: "views" | "versions";
}

/** The question under which name what is selected is kept as a block. */
export interface SaveBlock {
  what: "block";
}

/** What is open over the canvas, one thing at a time. */
export type Menu = AddMenu | PortMenu | ContextMenu | Finder | ViewMenu | SaveBlock | FilesMenu;
