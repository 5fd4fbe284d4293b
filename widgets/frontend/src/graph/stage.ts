import type { EdgeDoc, KindInfo, NodeDoc, NodeInfo, Problem } from "../wire";
import {
  around,
  type Arrangement,
  arrange,
  documentPlaces,
  documentPoint,
  type Plan,
  type Point,
} from "./arrangement";
import { type Border, borderPort, borders, NO_BORDER } from "./border";
import { edgeId } from "./document";
import { familyHue } from "./families";
import type { Folds } from "./folds";
import { type Geometry, geometryOf, scopeGeometry } from "./geometry";
import { type Sizes, total } from "./numbers";
import { Obstacles } from "./obstacles";
import { type Box, place } from "./place";
import { givenPorts, type Ports, portsOf } from "./ports";
import { areaOf, levelOf } from "./route";
import { ancestors, nameOf, parentOf, type Scope, type ScopeTree, scopeId, scopePath, scopesOf } from "./scopes";
import { signHue, signOf } from "./signs";
import type { GraphStore, GraphView } from "./store";

/** Among more than this a wire does not look for a way round. */
const MOST = 64;

const NOWHERE: Geometry = { width: 0, height: 0, handles: [] };
/** What a node is drawn from. */
export interface OpData extends Record<string, unknown> {
  node: NodeDoc;
  kind: KindInfo | undefined;
  ports: Ports;
  problem: Problem | null;
  sizes: Sizes;
}

/** Where a node is while it is being dragged, ahead of the document. */
export type Drag = { x: number; y: number; dragging: boolean };
export type Drags = ReadonlyMap<string, Drag>;

interface Inputs {
  node: NodeDoc;
  info: NodeInfo | undefined;
  problem: Problem | null;
  edges: string;
}

/** What is to be seen of a graph while some of its scopes are folded. */
export interface Scene {
  view: GraphView;
  folds: number;
  tree: ScopeTree;
  /** The folded scope that stands for a node that is not to be seen. */
  holder: (node: string) => string | null;
  borders: ReadonlyMap<string, Border>;
  plan: Plan;
  arrangement: Arrangement;
  /** The ids of what is drawn, each scope before what lies in it. */
  order: string[];
  obstacles: Obstacles;
  /** By wire, as far as they were asked for. */
  levels: Map<string, number | null>;
}

/** Something as a map shows it: a block in a hue, or the frame of an open scope. */
export interface Mapped {
  id: string;
  box: Box;
  hue: string;
  framed: boolean;
  name: string;
}

/** A wire as a map shows it: a line. */
export interface Wire {
  x1: number;
  y1: number;
  x2: number;
  y2: number;
}

/** What is to be seen of a graph, and where: nodes measured and placed, scopes folded or open, wires led round things. */
export class Stage {
  protected measured = new Map<string, { inputs: Inputs; geometry: Geometry; data: OpData }>();
  private places = new Map<string, Box>();
  private latest: Scene | null = null;

  constructor(
    protected readonly store: GraphStore,
    protected readonly folds: Folds,
  ) {}

  /** Where an item is shown; undefined for what is not to be seen. */
  shown(id: string): Box | undefined {
    return this.scene(this.store.view).arrangement.boxes.get(id);
  }

  /** How large a node is, and where its ports sit. */
  geometryOf(id: string): Geometry {
    this.scene(this.store.view);
    return this.measured.get(id)?.geometry ?? NOWHERE;
  }

  /** The ids of all that is to be seen, but for the boxes of open scopes, whose nodes are. */
  visible(): string[] {
    return this.scene(this.store.view).order.filter((id) => this.isSolid(id));
  }

  /** All that is to be seen, outer scopes before what lies in them. */
  mapped(view: GraphView): Mapped[] {
    const { order, arrangement, tree } = this.scene(view);
    return order.map((id) => {
      const node = view.nodes.get(id);
      const own = node ? familyHue(this.store.kinds.get(node.kind)?.family) : "var(--fl-border-strong)";
      const hue = signHue(signOf(this.store, id, tree.get(scopePath(id) ?? ""))) ?? own;
      const name = node?.name ?? nameOf(scopePath(id) ?? "");
      return { id, box: arrangement.boxes.get(id)!, hue, framed: !this.isSolid(id), name };
    });
  }

  /** All wires between what is to be seen. */
  wired(view: GraphView): Wire[] {
    const { holder, arrangement } = this.scene(view);
    const boxOf = (id: string): { id: string; box: Box } => {
      const path = holder(id);
      const shown = path === null ? id : scopeId(path);
      return { id: shown, box: arrangement.boxes.get(shown)! };
    };
    return view.edges.flatMap((edge) => {
      const [from, to] = [boxOf(edge.source), boxOf(edge.target)];
      if (from.id === to.id) return [];
      const [y1, y2] = [from, to].map(({ box }) => box.y + box.height / 2) as [number, number];
      return [{ x1: from.box.x + from.box.width, y1, x2: to.box.x, y2 }];
    });
  }

  /** The innermost open scope whose box holds a point of the canvas; "" is the top. */
  scopeAt({ x, y }: Point): string {
    const { arrangement, tree } = this.scene(this.store.view);
    const holding = [...tree.values()].filter(({ path }) => {
      const box = this.folds.isFolded(path) ? undefined : arrangement.boxes.get(scopeId(path));
      return box && x >= box.x && y >= box.y && x <= box.x + box.width && y <= box.y + box.height;
    });
    return holding.at(-1)?.path ?? "";
  }

  /** The boxes that something new in a scope should not cover. */
  obstacles(scope: string): Box[] {
    const { arrangement } = this.scene(this.store.view);
    const around = new Set(ancestors(scope).map(scopeId));
    return [...arrangement.boxes].filter(([id]) => !around.has(id)).map(([, box]) => box);
  }

  /** The place in the document of something in a scope that is shown there. */
  documentPoint(scope: string, point: Point): Point {
    return documentPoint(this.scene(this.store.view).arrangement, scope, point);
  }

  /** Where nodes must be in the document for what was dragged to stay where it is. */
  documentPlaces(drags: Drags): ReadonlyMap<string, Point> {
    const { view } = this.store;
    return documentPlaces(this.scene(view).plan, (id) => view.nodes.get(id)?.scope ?? "", drags);
  }

  protected scene(view: GraphView): Scene {
    const before = this.latest;
    if (before && before.view === view && before.folds === this.folds.revision) return before;
    this.measure(view);
    this.placeAll(view);
    const tree = scopesOf(view);
    const hiding = new Map(["", ...tree.keys()].map((path) => [path, this.folds.hiding(path)]));
    const holder = (id: string): string | null => hiding.get(view.nodes.get(id)?.scope ?? "") ?? null;
    const found = borders(view, holder);
    const plan: Plan = {
      nodes: this.places,
      top: [...view.nodes.values()].filter(({ scope }) => scope === "").map(({ id }) => id),
      tree,
      folded: (path) => (this.folds.isFolded(path) ? foldedGeometry(view, tree.get(path)!, found) : null),
    };
    const scene = { view, folds: this.folds.revision, tree, holder, borders: found, plan };
    const arrangement = arrange(plan);
    const obstacles = new Obstacles(arrangement.boxes);
    return (this.latest = { ...scene, arrangement, obstacles, order: orderOf(view, hiding), levels: new Map() });
  }

  /** The height at which a wire goes round what is in its way: nodes, folded scopes, and scopes of neither end. */
  protected level(scene: Scene, edge: EdgeDoc, lane: number): number | null {
    const known = scene.levels.get(edgeId(edge));
    if (known !== undefined) return known;
    const start = this.portAt(scene, edge.source, edge, "source");
    const end = this.portAt(scene, edge.target, edge, "target");
    const scopes = [edge.source, edge.target].map((id) => scene.view.nodes.get(id)?.scope ?? "");
    const passed = new Set([edge.source, edge.target, ...scopes.flatMap(ancestors).map(scopeId)]);
    const near = start && end ? scene.obstacles.within(areaOf(start, end), passed, MOST) : null;
    const level = start && end && near ? levelOf(start, end, lane, near) : null;
    scene.levels.set(edgeId(edge), level);
    return level;
  }

  /** The middle of the port at which a wire ends, on its node or on the folded scope that holds it. */
  private portAt(scene: Scene, id: string, edge: EdgeDoc, side: "source" | "target"): Point | null {
    const path = scene.holder(id);
    const box = scene.arrangement.boxes.get(path === null ? id : scopeId(path));
    const name = path !== null ? borderPort(edge) : side === "source" ? edge.source_port : edge.target_port;
    const geometry =
      path === null
        ? this.measured.get(id)?.geometry
        : foldedGeometry(scene.view, scene.tree.get(path)!, scene.borders);
    const handle = geometry?.handles.find((handle) => handle.id === name && handle.type === side);
    if (!box || !handle) return null;
    const { x, y, width = 0, height = 0 } = handle;
    return { x: box.x + x + width / 2, y: box.y + y + height / 2 };
  }

  protected isSolid(id: string): boolean {
    const path = scopePath(id);
    return path === null || this.folds.isFolded(path);
  }

  private measure(view: GraphView): void {
    const problems = new Map<string, Problem>();
    for (const problem of view.problems) if (!problems.has(problem.node)) problems.set(problem.node, problem);
    const incident = new Map<string, EdgeDoc[]>();
    for (const edge of view.edges)
      for (const id of new Set([edge.source, edge.target])) {
        const edges = incident.get(id);
        if (edges) edges.push(edge);
        else incident.set(id, [edge]);
      }
    const next: typeof this.measured = new Map();
    for (const node of view.nodes.values()) {
      const edges = incident.get(node.id) ?? [];
      const wires = edges.map((edge) => `${edge.source}:${edge.source_port}>${edgeId(edge)}`).join();
      const inputs = { node, info: view.info.get(node.id), problem: problems.get(node.id) ?? null, edges: wires };
      const before = this.measured.get(node.id);
      if (before && same(before.inputs, inputs)) {
        next.set(node.id, before);
        continue;
      }
      const kind = this.store.kinds.get(node.kind);
      const told = this.store.readOnly ? inputs.info : undefined;
      const ports = told ? givenPorts(told) : portsOf(node, kind, inputs.info, edges);
      const sizes = total([inputs.info]);
      const data = { node, kind, ports, problem: inputs.problem, sizes };
      next.set(node.id, { inputs, geometry: geometryOf(node, ports, kind?.label ?? node.kind, sizes.parameters), data });
    }
    this.measured = next;
  }

  /** A node that the document gives no place keeps the one that is found for it here. */
  private placeAll(view: GraphView): void {
    const boxes = new Map<string, Box>();
    const unplaced: NodeDoc[] = [];
    for (const node of view.nodes.values()) {
      const { width, height } = this.geometry(node);
      const before = this.places.get(node.id);
      if (node.x !== null && node.y !== null) boxes.set(node.id, { x: node.x, y: node.y, width, height });
      else if (before) boxes.set(node.id, { ...before, width, height });
      else unplaced.push(node);
    }
    place(unplaced, view.edges, boxes, (node) => this.geometry(node));
    this.places = boxes;
  }

  private geometry(node: NodeDoc): Geometry {
    return this.measured.get(node.id)?.geometry ?? NOWHERE;
  }
}

export function foldedGeometry(view: GraphView, scope: Scope, borders: ReadonlyMap<string, Border>): Geometry {
  return scopeGeometry(scope, borders.get(scope.path) ?? NO_BORDER, sizesIn(view, scope).parameters);
}

const added = new WeakMap<GraphView, Map<string, Sizes>>();

/** What all nodes in a scope take, added up once for each view. */
export function sizesIn(view: GraphView, { path, nodes }: Scope): Sizes {
  let known = added.get(view);
  if (!known) added.set(view, (known = new Map()));
  let sizes = known.get(path);
  if (!sizes) known.set(path, (sizes = total(nodes.map((id) => view.info.get(id)))));
  return sizes;
}

/** The boxes while some are dragged: what lies in a dragged scope comes along, and open scopes follow their nodes. */
export function dragged({ tree, arrangement, plan, view }: Scene, drags: Drags): ReadonlyMap<string, Box> {
  const boxes = new Map(arrangement.boxes);
  const scopeOfItem = (id: string): string => {
    const path = scopePath(id);
    return path === null ? (view.nodes.get(id)?.scope ?? "") : parentOf(path);
  };
  for (const [id, box] of boxes) {
    const own = drags.get(id);
    if (own) {
      boxes.set(id, { ...box, x: own.x, y: own.y });
      continue;
    }
    const outer = ancestors(scopeOfItem(id)).map(scopeId).filter((scope) => drags.has(scope)).at(-1);
    const [from, to] = outer === undefined ? [] : [arrangement.boxes.get(outer), drags.get(outer)];
    if (from && to) boxes.set(id, { ...box, x: box.x + to.x - from.x, y: box.y + to.y - from.y });
  }
  for (const scope of [...tree.values()].reverse()) {
    if (!boxes.has(scopeId(scope.path)) || plan.folded(scope.path)) continue;
    const inner = [...scope.own, ...scope.scopes.map(scopeId)].flatMap((id) => boxes.get(id) ?? []);
    boxes.set(scopeId(scope.path), around(inner));
  }
  return boxes;
}

/** What is drawn, in the order of the document: a scope comes before the first node in it. */
function orderOf(view: GraphView, hiding: ReadonlyMap<string, string | null>): string[] {
  const order = new Set<string>();
  for (const node of view.nodes.values()) {
    const folded = hiding.get(node.scope) ?? null;
    for (const path of ancestors(folded ?? node.scope)) order.add(scopeId(path));
    if (folded === null) order.add(node.id);
  }
  return [...order];
}

function same(a: Inputs, b: Inputs): boolean {
  return a.node === b.node && a.info === b.info && a.problem === b.problem && a.edges === b.edges;
}
