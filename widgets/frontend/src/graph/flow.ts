import type { Edge, Node } from "@xyflow/react";
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
import { count, type Sizes, total } from "./numbers";
import { Obstacles } from "./obstacles";
import { type Box, place } from "./place";
import { givenPorts, type Ports, portsOf } from "./ports";
import { areaOf, LANES, levelOf } from "./route";
import { ancestors, nameOf, parentOf, pathOf, type Scope, type ScopeTree, scopeId, scopePath, scopesOf } from "./scopes";
import { signHue, signOf, wireSign, wordOf } from "./signs";
import type { GraphStore, GraphView } from "./store";

interface OpData extends Record<string, unknown> {
  node: NodeDoc;
  kind: KindInfo | undefined;
  ports: Ports;
  problem: Problem | null;
  sizes: Sizes;
}

interface ScopeData extends Record<string, unknown> {
  scope: Scope;
  folded: boolean;
  border: Border;
  /** The problems in it; none while it is open, for then its nodes show them. */
  problems: readonly Problem[];
  sizes: Sizes;
}

export type OpNode = Node<OpData, "op">;
export type ScopeNode = Node<ScopeData, "scope">;
export type FlowNode = OpNode | ScopeNode;
export type FlowEdge = Edge<WireData, "wire">;

interface WireData extends Record<string, unknown> {
  edge: EdgeDoc;
  /** All wires that are drawn as this one: those of one tensor into one folded scope. */
  edges: readonly EdgeDoc[];
  spec: string | null;
  /** What it carries does not fit where it goes. */
  broken: boolean;
  /** Which of `LANES` its upright part takes, so that wires from different nodes do not run on one another. */
  lane: number;
  /** The height at which it goes round what is in its way; null if nothing is. */
  level: number | null;
}

/** Boxes lie below the wires, inner ones above outer ones; what is selected lies above all. */
const BELOW = -100;
const ABOVE = 1000;

/** Among more than this a wire does not look for a way round. */
const MOST = 64;

const NOWHERE: Geometry = { width: 0, height: 0, handles: [] };
/** The canvas is one stop of Tab; `useWalk` goes about in it. */
const NO_STOP = { tabIndex: -1 };

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
interface Scene {
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

/**
 * Turns the graph into React Flow's nodes and edges. What has not changed keeps its identity, so that React Flow draws
 * only what has.
 */
export class FlowMaker {
  private measured = new Map<string, { inputs: Inputs; geometry: Geometry; data: OpData }>();
  private drawn = new Map<string, FlowNode>();
  private wires = new Map<string, FlowEdge>();
  private places = new Map<string, Box>();
  private latest: Scene | null = null;

  constructor(
    private readonly store: GraphStore,
    private readonly folds: Folds,
  ) {}

  nodes(view: GraphView, selected: ReadonlySet<string>, drags: Drags): FlowNode[] {
    const scene = this.scene(view);
    const boxes = drags.size > 0 ? dragged(scene, drags) : scene.arrangement.boxes;
    const next = new Map<string, FlowNode>();
    for (const id of scene.order) {
      const state = { selected: selected.has(id), dragging: drags.get(id)?.dragging ?? false };
      const path = scopePath(id);
      const made = path === null ? this.node(id, boxes.get(id)!) : this.scope(scene, path, boxes.get(id)!);
      const zIndex = state.selected && this.isSolid(id) ? ABOVE : made.zIndex;
      next.set(id, kept(this.drawn.get(id), { ...made, ...state, zIndex }));
    }
    this.drawn = next;
    return [...next.values()];
  }

  edges(view: GraphView, selected: ReadonlySet<string>): FlowEdge[] {
    const scene = this.scene(view);
    const { holder } = scene;
    const broken = new Set(view.problems.map((problem) => `${problem.node}:${problem.port}`));
    const order = new Map([...view.nodes.keys()].map((id, index) => [id, index]));
    const bundles = new Map<string, EdgeDoc[]>();
    for (const edge of view.edges) {
      const target = holder(edge.target);
      if (target !== null && target === holder(edge.source)) continue;
      const key = target === null ? edgeId(edge) : `${scopeId(target)}:${borderPort(edge)}`;
      const bundle = bundles.get(key);
      if (bundle) bundle.push(edge);
      else bundles.set(key, [edge]);
    }
    const next = new Map<string, FlowEdge>();
    for (const edges of bundles.values()) {
      const edge = edges[0]!;
      const spec = view.info.get(edge.source)?.outputs.find((port) => port.name === edge.source_port)?.spec ?? null;
      const lane = (order.get(edge.source) ?? 0) % LANES;
      const level = this.level(scene, edge, lane);
      const data = { edge, edges, spec, broken: edges.some((edge) => broken.has(edgeId(edge))), lane, level };
      const made = this.edge(data, edges.some((edge) => selected.has(edgeId(edge))), view, holder);
      next.set(made.id, made);
    }
    this.wires = next;
    return [...next.values()];
  }

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

  private scene(view: GraphView): Scene {
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
  private level(scene: Scene, edge: EdgeDoc, lane: number): number | null {
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

  private isSolid(id: string): boolean {
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

  private node(id: string, { x, y }: Box): OpNode {
    const { geometry, data } = this.measured.get(id)!;
    const { width, height, handles } = geometry;
    const label = data.kind?.label ?? data.node.kind;
    const ariaLabel = [pathOf(data.node), label, data.ports.outputs[0]?.spec];
    ariaLabel.push(weightsOf(data.sizes), data.node.bypassed ? "bypassed" : undefined);
    ariaLabel.push(data.problem ? "has a problem" : undefined, wordOf(signOf(this.store, id)));
    ariaLabel.push(data.node.note && `note: ${data.node.note.slice(0, 500)}`);
    return {
      id,
      type: "op",
      position: { x, y },
      data,
      width,
      height,
      measured: { width, height },
      handles,
      zIndex: 0,
      domAttributes: NO_STOP,
      ariaLabel: ariaLabel.filter(Boolean).join(", "),
    };
  }

  private scope(scene: Scene, path: string, { x, y, width, height }: Box): ScopeNode {
    const scope = scene.tree.get(path)!;
    const folded = this.folds.isFolded(path);
    const border = folded ? (scene.borders.get(path) ?? NO_BORDER) : NO_BORDER;
    const inside = new Set(folded ? scope.nodes : []);
    const problems = scene.view.problems.filter(({ node }) => inside.has(node));
    const before = this.drawn.get(scopeId(path));
    const sizes = sizesIn(scene.view, scope);
    const data = { scope, folded, border, problems, sizes };
    const trouble = problems.length > 0 && `${problems.length} with a problem`;
    const changed = wordOf(signOf(this.store, scopeId(path), scope));
    const size = count(scope.nodes.length, "node");
    const ariaLabel = [path, scope.role ?? "scope", size, weightsOf(sizes), folded ? "folded" : "open", trouble, changed];
    return {
      id: scopeId(path),
      type: "scope",
      position: { x, y },
      data: before?.type === "scope" && alike(before.data, data) ? before.data : data,
      width,
      height,
      measured: { width, height },
      handles: folded ? foldedGeometry(scene.view, scope, scene.borders).handles : [],
      zIndex: folded ? 0 : BELOW + scope.depth,
      ...(!folded && { dragHandle: ".fl-scope-bar", style: { pointerEvents: "none" } }),
      domAttributes: NO_STOP,
      ariaLabel: ariaLabel.filter(Boolean).join(", "),
    };
  }

  private edge(data: WireData, selected: boolean, view: GraphView, holder: Scene["holder"]): FlowEdge {
    const { edge, edges, spec } = data;
    const [from, to] = [holder(edge.source), holder(edge.target)];
    const [source, target] = [view.nodes.get(edge.source), view.nodes.get(edge.target)];
    const ends = `${source && pathOf(source)} to ${to ?? `${edge.target_port} of ${target && pathOf(target)}`}`;
    const made: FlowEdge = {
      id: edgeId(edge),
      type: "wire",
      source: from === null ? edge.source : scopeId(from),
      sourceHandle: from === null ? edge.source_port : borderPort(edge),
      target: to === null ? edge.target : scopeId(to),
      targetHandle: to === null ? edge.target_port : borderPort(edge),
      reconnectable: to === null ? true : "source",
      selected,
      domAttributes: NO_STOP,
      ariaLabel: [ends, spec, wordOf(wireSign(this.store, edges))].filter(Boolean).join(", "),
      data,
    };
    const before = this.wires.get(made.id);
    const unchanged =
      before?.data &&
      equal(before.data, data) &&
      before.selected === selected &&
      before.source === made.source &&
      before.target === made.target &&
      before.sourceHandle === made.sourceHandle &&
      before.targetHandle === made.targetHandle &&
      before.ariaLabel === made.ariaLabel &&
      before.data.edges.length === edges.length;
    return unchanged ? before : made;
  }
}

function foldedGeometry(view: GraphView, scope: Scope, borders: ReadonlyMap<string, Border>): Geometry {
  return scopeGeometry(scope, borders.get(scope.path) ?? NO_BORDER, sizesIn(view, scope).parameters);
}

const added = new WeakMap<GraphView, Map<string, Sizes>>();

/** What all nodes in a scope take, added up once for each view. */
function sizesIn(view: GraphView, { path, nodes }: Scope): Sizes {
  let known = added.get(view);
  if (!known) added.set(view, (known = new Map()));
  let sizes = known.get(path);
  if (!sizes) known.set(path, (sizes = total(nodes.map((id) => view.info.get(id)))));
  return sizes;
}

function weightsOf({ parameters }: Sizes): string | undefined {
  return parameters > 0 ? count(parameters, "parameter") : undefined;
}

/** The boxes while some are dragged: what lies in a dragged scope comes along, and open scopes follow their nodes. */
function dragged({ tree, arrangement, plan, view }: Scene, drags: Drags): ReadonlyMap<string, Box> {
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

/** The node as it was drawn, if it would be drawn the same. */
function kept(before: FlowNode | undefined, made: FlowNode): FlowNode {
  const unchanged =
    before &&
    before.type === made.type &&
    before.data === made.data &&
    before.position.x === made.position.x &&
    before.position.y === made.position.y &&
    before.width === made.width &&
    before.height === made.height &&
    before.selected === made.selected &&
    before.dragging === made.dragging;
  return unchanged ? before : made;
}

function equal(a: WireData, b: WireData): boolean {
  return a.edge === b.edge && a.spec === b.spec && a.broken === b.broken && a.lane === b.lane && a.level === b.level;
}

function same(a: Inputs, b: Inputs): boolean {
  return a.node === b.node && a.info === b.info && a.problem === b.problem && a.edges === b.edges;
}

function alike(a: ScopeData, b: ScopeData): boolean {
  return (
    a.folded === b.folded &&
    a.scope.path === b.scope.path &&
    a.scope.role === b.scope.role &&
    a.scope.nodes.join() === b.scope.nodes.join() &&
    JSON.stringify(a.sizes) === JSON.stringify(b.sizes) &&
    a.problems.map(({ message }) => message).join() === b.problems.map(({ message }) => message).join() &&
    JSON.stringify(a.border) === JSON.stringify(b.border)
  );
}
