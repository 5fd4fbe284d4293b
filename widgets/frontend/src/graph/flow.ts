import type { Edge, Node } from "@xyflow/react";
import type { EdgeDoc, Problem } from "../wire";
import { type Border, borderPort, NO_BORDER } from "./border";
import { edgeId } from "./document";
import { count, type Sizes } from "./numbers";
import type { Box } from "./place";
import { LANES } from "./route";
import { pathOf, type Scope, scopeId, scopePath } from "./scopes";
import { signOf, wireSign, wordOf } from "./signs";
import { dragged, type Drags, foldedGeometry, type OpData, type Scene, sizesIn, Stage } from "./stage";
import type { GraphView } from "./store";

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

/** The canvas is one stop of Tab; `useWalk` goes about in it. */
const NO_STOP = { tabIndex: -1 };

/**
 * Turns the graph into React Flow's nodes and edges. What has not changed keeps its identity, so that React Flow draws
 * only what has.
 */
export class FlowMaker extends Stage {
  private drawn = new Map<string, FlowNode>();
  private wires = new Map<string, FlowEdge>();

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

function weightsOf({ parameters }: Sizes): string | undefined {
  return parameters > 0 ? count(parameters, "parameter") : undefined;
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
