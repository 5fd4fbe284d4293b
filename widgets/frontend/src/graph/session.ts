import type { FilesStore } from "../files/store";
import type { EdgeDoc, PortVerdict } from "../wire";
import { type Alignment, aligned } from "./aligning";
import type { Blocks } from "./blocks";
import { edgeId } from "./document";
import { bypass, remove } from "./edits";
import { FlowMaker } from "./flow";
import type { Folds } from "./folds";
import { group, ungroup } from "./grouping";
import type { Menu } from "./menus";
import { Observable } from "./observable";
import { Pictures } from "./pictures";
import type { Box } from "./place";
import { ancestors, members, scopeId, scopePath, scopesOf } from "./scopes";
import type { GraphStore } from "./store";
import { Tidying } from "./tidying";

/** A wire that is being drawn. Without verdicts yet (or from an input backwards) every port may take it. */
export interface Wiring {
  /** The end that stays: an output, or an input when the wire is drawn backwards. */
  node: string;
  port: string;
  from: "output" | "input";
  verdicts: ReadonlyMap<string, string | null> | null;
}

/** What the canvas should bring into view once it is drawn. */
export type Sight =
  | { what: "all" }
  | { what: "node"; id: string }
  /** Keep the corner of a box where it is on the screen. */
  | { what: "corner"; id: string; before: Box };

/** What one view of a graph is doing: what is selected, and the wire that is being drawn. */
export class Session extends Observable {
  /** The ids of nodes, and of scopes as the canvas has them. */
  selectedNodes: ReadonlySet<string> = new Set();
  selectedEdges: ReadonlySet<string> = new Set();
  wiring: Wiring | null = null;
  /** What is open over the canvas. */
  menu: Menu | null = null;
  /** The wires, drawn as one, on which what is dragged would be put. */
  aimed: readonly EdgeDoc[] = [];
  /** Counts the wishes to edit what is selected; the inspector opens and takes the focus, once for each. */
  inspections = 0;
  /** Whether there is a map while not all is in view. */
  map = true;
  /** What is drawn, and where. */
  readonly maker: FlowMaker;
  /** The picture that is open over the graph, or that this shows. */
  readonly pictures: Pictures;
  /** Trains, pauses or goes on, and says so; null where there is nothing to train on. */
  runner: (() => string) | null = null;
  /** The layout that is under way. */
  readonly tidying: Tidying;
  /** Counts the wishes to see something. */
  sights = 0;
  private sight: Sight | null = null;
  private answered = 0;
  private explaining = false;

  constructor(
    readonly store: GraphStore,
    readonly folds: Folds,
    readonly blocks: Blocks,
    readonly files: FilesStore,
    /** The session of the graph that this is a picture of. */
    readonly outer: Session | null = null,
  ) {
    super();
    this.pictures = outer?.pictures ?? new Pictures(store);
    this.maker = new FlowMaker(store, folds);
    this.tidying = new Tidying(store, (id) => this.maker.geometryOf(id));
  }

  select(nodes: Iterable<string>, edges: Iterable<string> = []): void {
    this.selectedNodes = new Set(nodes);
    this.selectedEdges = new Set(edges);
    this.changed();
  }

  selectAll(): void {
    this.select(this.maker.visible());
  }

  /** Bring a node into view, opening the scopes that it lies in, and select it. */
  show(id: string): void {
    const node = this.store.view.nodes.get(id);
    if (!node) return;
    if (!this.outer) this.pictures.close();
    this.folds.fold(ancestors(node.scope).filter((path) => this.folds.isFolded(path)), false);
    this.selectedNodes = new Set([id]);
    this.selectedEdges = new Set();
    this.look({ what: "node", id });
  }

  /** The same for a scope. */
  showScope(path: string): void {
    if (!scopesOf(this.store.view).has(path)) return;
    const around = ancestors(path).slice(0, -1);
    this.folds.fold(around.filter((outer) => this.folds.isFolded(outer)), false);
    this.selectedNodes = new Set([scopeId(path)]);
    this.selectedEdges = new Set();
    this.look({ what: "node", id: scopeId(path) });
  }

  toggleMap(): void {
    this.map = !this.map;
    this.store.announce(this.map ? "Map shown" : "Map hidden");
    this.changed();
  }

  /** What is to be brought into view, once. */
  takeSight(): Sight | null {
    const sight = this.sight;
    this.sight = null;
    return sight;
  }

  lookAtAll(): void {
    this.look({ what: "all" });
  }

  private look(sight: Sight): void {
    this.sight = sight;
    this.sights++;
    this.changed();
  }

  run(): void {
    if (this.runner) this.store.announce(this.runner());
    else this.store.complain("There is nothing to run here: Studio(graph, data) trains a graph on data");
  }

  // ---------------------------------------------------------------- scopes

  /** Fold or open one scope. What was selected in a scope that folds gives way to the scope. */
  fold(path: string, folded: boolean): void {
    const scope = scopesOf(this.store.view).get(path);
    const before = this.maker.shown(scopeId(path));
    if (!scope || folded === this.folds.isFolded(path)) return;
    this.folds.fold([path], folded);
    if (folded) this.selectVisible();
    this.store.announce(`${path} ${folded ? "folded" : "open"}, ${scope.nodes.length} nodes`);
    if (before) this.look({ what: "corner", id: scopeId(path), before });
  }

  /** Fold all scopes if one is open, else open all. */
  foldAll(): void {
    const paths = [...scopesOf(this.store.view).keys()];
    if (paths.length === 0) return;
    const folded = paths.some((path) => !this.folds.isFolded(path));
    this.folds.fold(paths, folded);
    this.selectVisible();
    this.store.announce(folded ? "All scopes folded" : "All scopes open");
    this.look({ what: "all" });
  }

  /** Fold or open the scope that is given or selected, or fold the one around a node. Returns its path. */
  toggleFold(id: string | undefined): string | null {
    if (id === undefined) return null;
    const path = scopePath(id) ?? this.store.view.nodes.get(id)?.scope;
    if (!path || !scopesOf(this.store.view).has(path)) return null;
    this.fold(path, !this.folds.isFolded(path));
    return path;
  }

  /** Put what is selected into a new scope, and ask for its name. */
  group(): void {
    if (this.groupAs("group") !== null) this.inspect();
  }

  /** Put what is selected into a new scope, named so if that is free. Returns its path. */
  groupAs(name: string): string | null {
    const made = group(this.store.view, this.selectedNodes, name);
    if (!made) return null;
    this.folds.fold([made.path], false);
    this.store.edit(made.patch);
    this.select([scopeId(made.path)]);
    return made.path;
  }

  /** Take the selected scopes away; what lies in them stays, and is selected. */
  ungroup(): void {
    const tree = scopesOf(this.store.view);
    const paths = [...this.selectedNodes].flatMap((id) => scopePath(id) ?? []).filter((path) => tree.has(path));
    for (const path of paths.sort((a, b) => b.length - a.length)) this.store.edit(ungroup(this.store.view, path));
    this.select(members(tree, this.selectedNodes));
    this.selectVisible();
  }

  /** The folded scope that hides what has this id; null if it is to be seen. */
  hiding(id: string): string | null {
    return this.folds.hiding(scopePath(id) ?? this.store.view.nodes.get(id)?.scope ?? "");
  }

  /** What a fold has hidden is selected no more, but the scope is that hides it. */
  private selectVisible(): void {
    const { view } = this.store;
    const selected = [...this.selectedNodes].map((id) => {
      const hiding = this.hiding(id);
      return hiding === null ? id : scopeId(hiding);
    });
    const edges = view.edges.filter((edge) => this.selectedEdges.has(edgeId(edge)));
    const seen = edges.filter(({ source, target }) => {
      const hiding = this.hiding(source);
      return hiding === null || hiding !== this.hiding(target);
    });
    this.select(selected, seen.map(edgeId));
  }

  /** The edges that are selected and still there. */
  edges(): EdgeDoc[] {
    return this.store.view.edges.filter((edge) => this.selectedEdges.has(edgeId(edge)));
  }

  aim(edges: readonly EdgeDoc[]): void {
    if (edges[0] === this.aimed[0]) return;
    this.aimed = edges;
    this.changed();
  }

  openMenu(menu: Menu | null): void {
    this.menu = menu;
    this.changed();
  }

  inspect(): void {
    this.inspections++;
    this.changed();
  }

  /** Have the inspector say what the selected node does. */
  explain(): void {
    this.explaining = true;
    this.inspect();
  }

  /** What is still wished of the inspector; it then counts as done. */
  takeInspection(): "edit" | "explain" | null {
    const open = this.inspections > this.answered;
    this.answered = this.inspections;
    const wish = this.explaining ? "explain" : "edit";
    this.explaining = false;
    return open ? wish : null;
  }

  /** Line up what is selected. */
  align(how: Alignment): void {
    const boxes = new Map([...this.selectedNodes].map((id) => [id, this.maker.shown(id)] as const));
    const shown = new Map([...boxes].filter((entry): entry is [string, Box] => entry[1] !== undefined));
    if (shown.size < 2) return;
    const wanted = new Map([...aligned(shown, how)].map(([id, place]) => [id, { ...place, dragging: false }]));
    const { nodes } = this.store.view;
    const moves = [...this.maker.documentPlaces(wanted)].filter(
      ([id, { x, y }]) => nodes.get(id)?.x !== x || nodes.get(id)?.y !== y,
    );
    this.store.edit(moves.map(([id, { x, y }]) => ({ op: "move", id, x, y })));
  }

  /** Lay out what is selected, or all if that is less than two nodes. */
  tidy(): void {
    const chosen = members(scopesOf(this.store.view), this.selectedNodes);
    this.tidying.begin(chosen.size < 2 ? new Set() : chosen);
  }

  /** Bypass what is selected, or have it compute again. */
  bypassSelected(): void {
    const { view, kinds } = this.store;
    const patch = bypass(view, kinds, members(scopesOf(view), this.selectedNodes));
    if (patch.length > 0) this.store.edit(patch);
    else if (this.selectedNodes.size > 0) this.store.announce("Nothing selected has an input that it could pass on");
  }

  removeSelected(): void {
    const gone = members(scopesOf(this.store.view), this.selectedNodes);
    this.store.edit(remove(this.store.view, gone, this.edges()));
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
