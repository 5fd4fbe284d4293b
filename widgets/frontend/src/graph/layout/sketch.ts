/** What is to be laid out, as plain data: a worker gets a copy of it. Lengths are in pixels at zoom 1. */
export interface Sketch {
  nodes: readonly SketchNode[];
  /** Between nodes by their indices, with the heights of its ports below the tops of the two. */
  wires: readonly { source: number; target: number; out: number; in: number }[];
}

export interface SketchNode extends Item {
  id: string;
  /** The path of the scope that it lies in; "" is the top. */
  scope: string;
}

/** Something that takes a place: a node, or a scope as the box around what it holds. */
export interface Item {
  width: number;
  height: number;
  /** What begins a zone stands at its left edge, what ends it at its right. */
  edge: "first" | "last" | null;
}

/** A wire from one item to another, each by its index. */
export interface Wire {
  source: number;
  target: number;
  /** The heights of its ports below the tops of the two. */
  out: number;
  in: number;
  /** The same of the tops of the nodes that have the ports: 0, unless an item is a scope. */
  fromTop: number;
  toTop: number;
}

export interface Place {
  x: number;
  y: number;
}
