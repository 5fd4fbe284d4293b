import type { EdgeDoc, PortVerdict } from "../wire";
import { edgeId } from "./document";
import { remove } from "./edits";
import { Observable } from "./observable";
import type { GraphStore } from "./store";

/** A wire that is being drawn. Without verdicts yet (or from an input backwards) every port may take it. */
export interface Wiring {
  /** The end that stays: an output, or an input when the wire is drawn backwards. */
  node: string;
  port: string;
  from: "output" | "input";
  verdicts: ReadonlyMap<string, string | null> | null;
}

/** What one view of a graph is doing: what is selected, and the wire that is being drawn. */
export class Session extends Observable {
  selectedNodes: ReadonlySet<string> = new Set();
  selectedEdges: ReadonlySet<string> = new Set();
  wiring: Wiring | null = null;
  /** Counts the wishes to edit what is selected; the inspector opens and takes the focus, once for each. */
  inspections = 0;
  private answered = 0;

  constructor(readonly store: GraphStore) {
    super();
  }

  select(nodes: Iterable<string>, edges: Iterable<string> = []): void {
    this.selectedNodes = new Set(nodes);
    this.selectedEdges = new Set(edges);
    this.changed();
  }

  selectAll(): void {
    this.select(this.store.view.nodes.keys());
  }

  /** The edges that are selected and still there. */
  edges(): EdgeDoc[] {
    return this.store.view.edges.filter((edge) => this.selectedEdges.has(edgeId(edge)));
  }

  inspect(): void {
    this.inspections++;
    this.changed();
  }

  /** Whether a wish to edit is still to be met; it then counts as met. */
  takeInspection(): boolean {
    const open = this.inspections > this.answered;
    this.answered = this.inspections;
    return open;
  }

  removeSelected(): void {
    this.store.edit(remove(this.store.view, this.selectedNodes, this.edges()));
    this.select([]);
  }

  /** A wire is picked up at a port: ask at once where it fits. */
  startWiring(node: string, port: string, from: Wiring["from"]): void {
    const wiring = { node, port, from, verdicts: null };
    this.wiring = wiring;
    this.store.dismissRefusal();
    this.changed();
    if (from === "input") return;
    void this.store.fits(node, port).then((ports) => {
      if (this.wiring !== wiring) return;
      this.wiring = { ...wiring, verdicts: verdictsOf(ports) };
      this.changed();
    });
  }

  endWiring(): void {
    if (!this.wiring) return;
    this.wiring = null;
    this.changed();
  }

  /** Why the wire that is being drawn does not fit an input port; null if it does, or nothing is known against it. */
  reasonAgainst(node: string, port: string): string | null {
    return this.wiring?.verdicts?.get(portKey(node, port)) ?? null;
  }
}

export function portKey(node: string, port: string): string {
  return `${node}:${port}`;
}

function verdictsOf(ports: readonly PortVerdict[]): ReadonlyMap<string, string | null> {
  return new Map(ports.map(({ node, port, reason }) => [portKey(node, port), reason]));
}
