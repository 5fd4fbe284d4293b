import "@xyflow/react/dist/base.css";
import {
  Background,
  type Connection,
  ConnectionLineType,
  type Edge,
  type FinalConnectionState,
  type NodeChange,
  type OnConnectStartParams,
  ReactFlow,
  SelectionMode,
  useReactFlow,
  useStore,
  useStoreApi,
} from "@xyflow/react";
import { type KeyboardEvent, type MouseEvent, useCallback, useEffect, useMemo, useRef } from "react";
import type { EdgeDoc } from "../wire";
import { CanvasBar } from "./CanvasBar";
import { EmptyCanvas } from "./EmptyCanvas";
import { EdgeView } from "./EdgeView";
import { connect, reconnect } from "./edits";
import type { FlowEdge, FlowNode } from "./flow";
import { FlowMaker } from "./flow";
import { useGraph, useSelected, useSession } from "./GraphProvider";
import { NodeView } from "./NodeView";
import { Refusal } from "./Refusal";
import { useDrags } from "./useDrags";
import { useReveal } from "./useReveal";
import { useSpace } from "./useSpace";
import { WiringHint } from "./WiringHint";
import "./graph.css";

const nodeTypes = { op: NodeView };
const edgeTypes = { wire: EdgeView };
const FIT = { maxZoom: 1, padding: 0.1 };

/** The graph as a drawing that is edited in place: drag nodes, draw wires, delete. */
export function Canvas() {
  const session = useSession();
  const { store } = session;
  const view = useGraph();
  const selectedNodes = useSelected(({ selectedNodes }) => selectedNodes);
  const selectedEdges = useSelected(({ selectedEdges }) => selectedEdges);
  const wiring = useSelected(({ wiring }) => wiring !== null);
  const maker = useMemo(() => new FlowMaker(store), [store]);
  const { drags, move } = useDrags(store);
  const nodes = useMemo(() => maker.nodes(view, selectedNodes, drags), [maker, view, selectedNodes, drags]);
  const edges = useMemo(() => maker.edges(view, selectedEdges), [maker, view, selectedEdges]);
  const wires = useWiring();
  const zoom = useStore(({ transform }) => (transform[2] < 0.25 ? "block" : transform[2] < 0.5 ? "name" : "full"));
  const wrapper = useRef<HTMLDivElement>(null);
  const panning = useSpace(wrapper); // then a drag pans over nodes too
  useInspectedInView();

  const onNodesChange = useCallback(
    (changes: NodeChange<FlowNode>[]) => {
      move(changes);
      const selected = toggled(session.selectedNodes, changes);
      if (selected) session.select(selected, session.selectedEdges);
    },
    [move, session],
  );
  const onEdgesChange = useCallback(
    (changes: { type: string; id?: string; selected?: boolean }[]) => {
      const selected = toggled(session.selectedEdges, changes);
      if (selected) session.select(session.selectedNodes, selected);
    },
    [session],
  );
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.target as Element).matches(".react-flow__node")) return;
    const id = (event.target as HTMLElement).dataset.id;
    if (!id) return;
    event.preventDefault();
    session.select([id]);
    session.inspect();
  };

  return (
    <div
      ref={wrapper}
      className="fl-canvas"
      data-fl-canvas
      data-testid="canvas"
      data-zoom={zoom}
      data-wiring={wiring || undefined}
      role="group"
      aria-label={`Graph ${view.name}`}
      tabIndex={-1}
      onKeyDownCapture={onKeyDown}
    >
      <ReactFlow<FlowNode, FlowEdge>
        nodes={nodes}
        edges={edges}
        nodeTypes={nodeTypes}
        edgeTypes={edgeTypes}
        onNodesChange={onNodesChange}
        onEdgesChange={onEdgesChange}
        onNodeDoubleClick={() => session.inspect()}
        {...wires}
        fitView
        fitViewOptions={FIT}
        minZoom={0.05}
        maxZoom={2}
        onlyRenderVisibleElements
        elevateNodesOnSelect
        deleteKeyCode={null}
        panActivationKeyCode={null}
        zoomActivationKeyCode={null}
        preventScrolling={false}
        zoomOnScroll={false}
        zoomOnDoubleClick={false}
        panOnDrag={[0, 1]}
        nodesDraggable={!panning}
        selectionMode={SelectionMode.Partial}
        multiSelectionKeyCode={["Shift", "Control", "Meta"]}
        nodeDragThreshold={2}
        connectionLineType={ConnectionLineType.SmoothStep}
        connectionRadius={24}
        reconnectRadius={12}
        proOptions={{ hideAttribution: true }}
      >
        <Background gap={20} size={2} color="var(--fl-grid)" />
        <CanvasBar />
      </ReactFlow>
      {view.nodes.size === 0 && <EmptyCanvas />}
      <WiringHint canvas={wrapper} />
      <Refusal />
    </div>
  );
}

/** The ids selected after React Flow's changes; null if none of them is about the selection. */
function toggled(
  selected: ReadonlySet<string>,
  changes: readonly { type: string; id?: string; selected?: boolean }[],
): Set<string> | null {
  const selections = changes.filter((change) => change.type === "select");
  if (selections.length === 0) return null;
  const next = new Set(selected);
  for (const { id, selected: on } of selections) if (id !== undefined) on ? next.add(id) : next.delete(id);
  return next;
}

/** Keeps the node that someone edits in view, also when the inspector opens and leaves less room for the canvas. */
function useInspectedInView(): void {
  const session = useSession();
  const inspections = useSelected((session) => session.inspections);
  const room = useStore(({ width }) => width);
  const { getNode } = useReactFlow<FlowNode, FlowEdge>();
  const reveal = useReveal();
  useEffect(() => {
    const [id] = session.selectedNodes;
    const node = inspections > 0 && id !== undefined && getNode(id);
    if (node) reveal({ ...node.position, width: node.width ?? 0, height: node.height ?? 0 });
  }, [session, inspections, room, getNode, reveal]);
}

/** Drawing wires: by drag or by two clicks, forwards or backwards, new ones or an end of one that is there. */
function useWiring() {
  const session = useSession();
  const { store } = session;
  const flow = useStoreApi();
  const { getEdge } = useReactFlow<FlowNode, FlowEdge>();

  return useMemo(() => {
    const start = (_: unknown, { nodeId, handleId, handleType }: OnConnectStartParams): void => {
      if (nodeId === null || handleId === null) return;
      session.startWiring(nodeId, handleId, handleType === "source" ? "output" : "input");
    };
    const refuse = (target: string, target_port: string): void => {
      const reason = session.reasonAgainst(target, target_port);
      if (reason === null || !session.wiring) return;
      const { node: source, port: source_port } = session.wiring;
      store.refuse(connect(store.view, { source, source_port, target, target_port }), target, target_port, reason);
    };
    return {
      isValidConnection: (connection: Connection | Edge) =>
        connection.source !== connection.target &&
        session.reasonAgainst(connection.target, connection.targetHandle ?? "") === null,
      onConnect: (connection: Connection) => {
        const edge = edgeOf(connection);
        if (edge) store.edit(connect(store.view, edge));
      },
      onReconnect: ({ id }: Edge, connection: Connection) => {
        const edge = getEdge(id)?.data?.edge;
        const moved = edgeOf(connection);
        if (edge && moved) store.edit(reconnect(store.view, edge, moved));
      },
      onConnectStart: start,
      onConnectEnd: (_: unknown, { toHandle, isValid }: FinalConnectionState) => {
        if (toHandle?.type === "target" && isValid === false) refuse(toHandle.nodeId, toHandle.id ?? "");
        session.endWiring();
      },
      onClickConnectStart: start,
      onClickConnectEnd: (event: unknown) => {
        const { nodeid, handleid } = ((event as MouseEvent).currentTarget as HTMLElement).dataset;
        if (nodeid !== undefined && handleid !== undefined) refuse(nodeid, handleid);
        session.endWiring();
      },
      onPaneClick: () => {
        flow.setState({ connectionClickStartHandle: null });
        session.endWiring();
        store.dismissRefusal();
      },
    };
  }, [session, store, flow, getEdge]);
}

function edgeOf({ source, sourceHandle, target, targetHandle }: Connection): EdgeDoc | null {
  if (sourceHandle === null || targetHandle === null) return null;
  return { source, source_port: sourceHandle, target, target_port: targetHandle };
}
