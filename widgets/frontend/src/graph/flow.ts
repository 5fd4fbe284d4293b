import type { Edge, Node } from "@xyflow/react";
import type { EdgeDoc, KindInfo, NodeDoc, NodeInfo, Problem } from "../wire";
import { edgeId } from "./document";
import { type Geometry, geometryOf } from "./geometry";
import { type Box, place } from "./place";
import { type Ports, portsOf } from "./ports";
import type { GraphStore, GraphView } from "./store";

export type FlowNode = Node<{ node: NodeDoc; kind: KindInfo | undefined; ports: Ports; problem: Problem | null }, "op">;
export type FlowEdge = Edge<WireData, "wire">;

interface WireData extends Record<string, unknown> {
  edge: EdgeDoc;
  spec: string | null;
  /** What it carries does not fit where it goes. */
  broken: boolean;
  /** Which of `LANES` its upright part takes, so that wires from different nodes do not run on one another. */
  lane: number;
}

export const LANES = 5;

/** Where a node is while it is being dragged, ahead of the document. */
export type Drag = { x: number; y: number; dragging: boolean };

interface Inputs {
  node: NodeDoc;
  info: NodeInfo | undefined;
  problem: Problem | null;
  edges: string;
}

/**
 * Turns the graph into React Flow's nodes and edges. What has not changed keeps its identity, so that React Flow draws
 * only what has.
 */
export class FlowMaker {
  private drawn = new Map<string, { inputs: Inputs; geometry: Geometry; data: FlowNode["data"]; flow?: FlowNode }>();
  private wires = new Map<string, FlowEdge>();
  private places = new Map<string, Box>();

  constructor(private readonly store: GraphStore) {}

  nodes(view: GraphView, selected: ReadonlySet<string>, drags: ReadonlyMap<string, Drag>): FlowNode[] {
    this.measure(view);
    this.placeAll(view);
    return [...view.nodes.keys()].map((id) => this.node(id, selected.has(id), drags.get(id)));
  }

  edges(view: GraphView, selected: ReadonlySet<string>): FlowEdge[] {
    const broken = new Set(view.problems.map((problem) => `${problem.node}:${problem.port}`));
    const next = new Map<string, FlowEdge>();
    const order = new Map([...view.nodes.keys()].map((id, index) => [id, index]));
    for (const edge of view.edges) {
      const id = edgeId(edge);
      const spec = view.info.get(edge.source)?.outputs.find((port) => port.name === edge.source_port)?.spec ?? null;
      const data = { edge, spec, broken: broken.has(id), lane: (order.get(edge.source) ?? 0) % LANES };
      next.set(id, this.edge(id, data, selected.has(id), view));
    }
    this.wires = next;
    return [...next.values()];
  }

  /** The box of every node, as last drawn. */
  boxes(): Iterable<Box> {
    return this.places.values();
  }

  private measure(view: GraphView): void {
    const problems = new Map<string, Problem>();
    for (const problem of view.problems) if (!problems.has(problem.node)) problems.set(problem.node, problem);
    const incident = new Map<string, EdgeDoc[]>();
    for (const edge of view.edges)
      for (const id of [edge.source, edge.target]) incident.set(id, [...(incident.get(id) ?? []), edge]);
    const next: typeof this.drawn = new Map();
    for (const node of view.nodes.values()) {
      const edges = incident.get(node.id) ?? [];
      const wires = edges.map((edge) => `${edge.source}:${edge.source_port}>${edgeId(edge)}`).join();
      const inputs = { node, info: view.info.get(node.id), problem: problems.get(node.id) ?? null, edges: wires };
      const before = this.drawn.get(node.id);
      if (before && same(before.inputs, inputs)) {
        next.set(node.id, before);
        continue;
      }
      const kind = this.store.kinds.get(node.kind);
      const ports = portsOf(node, kind, inputs.info, edges);
      const data = { node, kind, ports, problem: inputs.problem };
      next.set(node.id, { inputs, geometry: geometryOf(node, ports, kind?.label ?? node.kind), data });
    }
    this.drawn = next;
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
    return this.drawn.get(node.id)?.geometry ?? { width: 0, height: 0, handles: [] };
  }

  private node(id: string, selected: boolean, drag: Drag | undefined): FlowNode {
    const drawn = this.drawn.get(id)!;
    const { x, y } = drag ?? this.places.get(id)!;
    const dragging = drag?.dragging ?? false;
    const { flow } = drawn;
    if (flow && flow.position.x === x && flow.position.y === y && flow.selected === selected && flow.dragging === dragging)
      return flow;
    const { width, height, handles } = drawn.geometry;
    const { data } = drawn;
    const measured = { width, height };
    const ariaLabel = [data.node.name, data.kind?.label ?? data.node.kind, data.ports.outputs[0]?.spec, data.problem && "has a problem"];
    return (drawn.flow = {
      id,
      type: "op",
      position: { x, y },
      data,
      width,
      height,
      measured,
      handles,
      selected,
      dragging,
      ariaLabel: ariaLabel.filter(Boolean).join(", "),
    });
  }

  private edge(id: string, data: WireData, selected: boolean, view: GraphView): FlowEdge {
    const { edge, spec } = data;
    const ends = `${view.nodes.get(edge.source)?.name} to ${edge.target_port} of ${view.nodes.get(edge.target)?.name}`;
    const ariaLabel = spec ? `${ends}, ${spec}` : ends;
    const before = this.wires.get(id);
    if (before?.data && before.selected === selected && before.ariaLabel === ariaLabel && equal(before.data, data))
      return before;
    return {
      id,
      type: "wire",
      source: edge.source,
      sourceHandle: edge.source_port,
      target: edge.target,
      targetHandle: edge.target_port,
      selected,
      ariaLabel,
      data,
    };
  }
}

function equal(a: WireData, b: WireData): boolean {
  return a.edge === b.edge && a.spec === b.spec && a.broken === b.broken && a.lane === b.lane;
}

function same(a: Inputs, b: Inputs): boolean {
  return a.node === b.node && a.info === b.info && a.problem === b.problem && a.edges === b.edges;
}
