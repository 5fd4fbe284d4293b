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
import { type KeyboardEvent, type MouseEvent, useCallback, useEffect, useId, useMemo, useRef, useState } from "react";
import { FilesOnCanvas } from "../files/FilesOnCanvas";
import type { EdgeDoc } from "../wire";
import { CanvasBar } from "./CanvasBar";
import { EmptyCanvas } from "./EmptyCanvas";
import { EdgeView } from "./EdgeView";
import { edgeId } from "./document";
import { connect, reconnect } from "./edits";
import type { FlowEdge, FlowNode } from "./flow";
import { useFolds, useGraph, useSelected, useSession } from "./GraphProvider";
import { Menus } from "./Menus";
import { Minimap } from "./Minimap";
import { NodeView } from "./NodeView";
import { Overview, overviewBelow } from "./Overview";
import { Refusal } from "./Refusal";
import { scopePath } from "./scopes";
import { ScopeView } from "./ScopeView";
import type { PortEnd } from "./store";
import { TidyStrip } from "./TidyStrip";
import { useClipboard } from "./useClipboard";
import { useContextMenu } from "./useContextMenu";
import { useDrags } from "./useDrags";
import { FIT, useFirstNodes, useFirstView } from "./useFit";
import { useHeldFocus } from "./useHeldFocus";
import { useInserting } from "./useInserting";
import { useMenus } from "./useMenus";
import { usePortKeys } from "./usePortKeys";
import { useReveal } from "./useReveal";
import { useSights } from "./useSights";
import { useSpace } from "./useSpace";
import { useWalk } from "./useWalk";
import { WiringHint } from "./WiringHint";
import "./graph.css";
import "./focus.css";
import "./touch.css";

const nodeTypes = { op: NodeView, scope: ScopeView };
const edgeTypes = { wire: EdgeView };

/** What React Flow gets is the same from render to render, or it would draw all nodes again while one is dragged. */
const PANNING = [0, 1];
const ADDING = ["Shift", "Control", "Meta"];
const BARE = { hideAttribution: true };

/** How things are handled without a pointer, for screen readers. */
const KEYS = {
  canvas: "Tab goes to its nodes, arrows move the view, Enter adds a node. Press question mark for all keys.",
  afar: "Seen from afar, without nodes to go to: plus comes nearer, Control and F finds a node.",
};
const HELP = {
  "node.a11yDescription.keyboardDisabled":
    "Enter edits it, Space selects it, with Shift besides others. Up and down go to other nodes, left and right to its ports. " +
    "Shift and an arrow move it. Press a to add a node, Delete to remove what is selected, Shift and F10 for more.",
  "edge.a11yDescription.default":
    "Left and right go to its ends, up and down to wires beside it. Enter or Space selects it; then a inserts a node, " +
    "Delete removes it, Shift and F10 for more.",
  "node.a11yDescription.ariaLiveMessage": () => "", // what was moved is said once it is there
};

/** The same where nothing can be changed. */
const STILL_HELP = {
  "node.a11yDescription.keyboardDisabled":
    "Space selects it, Enter tells about it, g goes to where it comes from. Left and right go to its ports.",
  "edge.a11yDescription.default": "Enter or Space selects it.",
};

/** The graph as a drawing that is edited in place: drag nodes, draw wires, delete. */
export function Canvas() {
  const session = useSession();
  const { store } = session;
  const { readOnly } = store;
  const view = useGraph();
  const selectedNodes = useSelected(({ selectedNodes }) => selectedNodes);
  const selectedEdges = useSelected(({ selectedEdges }) => selectedEdges);
  const wiring = useSelected(({ wiring }) => wiring !== null);
  const folds = useFolds();
  const { maker } = session;
  const { onNodeDrag, onNodeDragStop, dropped } = useInserting();
  const { drags, move } = useDrags(store, maker, dropped);
  const limit = useMemo(() => overviewBelow(maker.visible().length), [maker, view, folds]);
  const overview = useStore(({ transform }) => transform[2] < limit);
  const nodes = useMemo(
    () => (overview ? [] : maker.nodes(view, selectedNodes, drags)),
    [overview, maker, view, folds, selectedNodes, drags],
  );
  const edges = useMemo(
    () => (overview ? [] : maker.edges(view, selectedEdges)),
    [overview, maker, view, folds, selectedEdges],
  );
  const wrapper = useRef<HTMLDivElement>(null);
  const framing = useRef(false); // a frame is being drawn around what is to be selected
  const menus = useMenus();
  const portKey = usePortKeys(wrapper);
  const walk = useWalk(wrapper, overview);
  const { onContextMenu, onMenuKey } = useContextMenu(wrapper);
  const wires = useWiring(menus.addAt);
  const firstView = useFirstView();
  const { getEdge } = useReactFlow<FlowNode, FlowEdge>();
  const zoom = useStore(({ transform }) => (transform[2] < 0.25 ? "block" : transform[2] < 0.5 ? "name" : "full"));
  const panning = useSpace(wrapper); // then a drag pans over nodes too
  const [begun] = useState(view.nodes.size > 0);
  useFirstNodes();
  useInspectedInView();
  useSights();
  useClipboard(wrapper);
  useHeldFocus(wrapper);
  const help = useId();

  const onNodesChange = useCallback(
    (changes: NodeChange<FlowNode>[]) => {
      move(changes);
      const isBox = (id: string) => scopePath(id) !== null && !session.folds.isFolded(scopePath(id)!);
      const counted = framing.current ? changes.filter((change) => !("id" in change && isBox(change.id))) : changes;
      const selected = toggled(session.selectedNodes, counted);
      if (selected) session.select(selected, session.selectedEdges);
    },
    [move, session],
  );
  const onEdgesChange = useCallback(
    (changes: { type: string; id?: string; selected?: boolean }[]) => {
      const bundled = changes.flatMap((change) => {
        const edges = change.id === undefined ? [] : (getEdge(change.id)?.data?.edges ?? []);
        return edges.length === 0 ? [change] : edges.map((edge) => ({ ...change, id: edgeId(edge) }));
      });
      const selected = toggled(session.selectedEdges, bundled);
      if (selected) session.select(session.selectedNodes, selected);
    },
    [session, getEdge],
  );
  const openOrInspect = useCallback(
    (id: string): void => {
      const path = scopePath(id);
      if (path !== null && session.folds.isFolded(path)) return session.fold(path, false);
      session.select([id]);
      session.inspect();
    },
    [session],
  );
  const onNodeDoubleClick = useCallback((_: MouseEvent, { id }: FlowNode) => openOrInspect(id), [openOrInspect]);
  const onFrame = useCallback(() => void (framing.current = true), []);
  const onFramed = useCallback(() => void (framing.current = false), []);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault(); // else React Flow selects the node that has the focus
      event.stopPropagation();
      return session.run();
    }
    if (onMenuKey(event) || portKey(event) || walk.onKey(event) || (!readOnly && menus.onKey(event))) {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    if (event.key !== "Enter" || !(event.target as Element).matches(".react-flow__node")) return;
    const id = (event.target as HTMLElement).dataset.id;
    if (!id) return;
    event.preventDefault();
    openOrInspect(id);
  };

  return (
    <div
      ref={wrapper}
      className="fl-canvas"
      data-fl-canvas
      data-testid="canvas"
      data-zoom={zoom}
      data-wiring={wiring || undefined}
      data-read-only={readOnly || undefined}
      role="group"
      aria-label={`Graph ${view.name}`}
      aria-describedby={help}
      tabIndex={0}
      onKeyDownCapture={onKeyDown}
      onFocus={walk.onFocus}
      onDoubleClick={readOnly ? undefined : menus.onDoubleClick}
      onContextMenu={onContextMenu}
    >
      <span id={help} hidden>
        {overview ? KEYS.afar : KEYS.canvas}
      </span>
      <ReactFlow<FlowNode, FlowEdge>
        nodes={nodes}
        edges={edges}
        nodeTypes={nodeTypes}
        edgeTypes={edgeTypes}
        onNodesChange={onNodesChange}
        onEdgesChange={onEdgesChange}
        onNodeDrag={onNodeDrag}
        onNodeDragStop={onNodeDragStop}
        onNodeDoubleClick={onNodeDoubleClick}
        onSelectionStart={onFrame}
        onSelectionEnd={onFramed}
        {...(!readOnly && wires)}
        fitView={begun}
        fitViewOptions={FIT}
        onInit={firstView}
        minZoom={0.02}
        maxZoom={2}
        onlyRenderVisibleElements
        elevateNodesOnSelect={false}
        deleteKeyCode={null}
        panActivationKeyCode={null}
        zoomActivationKeyCode={null}
        preventScrolling={false}
        zoomOnScroll={false}
        zoomOnDoubleClick={false}
        panOnDrag={PANNING}
        nodesDraggable={!panning && !readOnly}
        nodesConnectable={!readOnly}
        selectionMode={SelectionMode.Partial}
        multiSelectionKeyCode={ADDING}
        nodeDragThreshold={2}
        ariaLabelConfig={readOnly ? STILL_HELP : HELP}
        connectionLineType={ConnectionLineType.SmoothStep}
        connectionRadius={24}
        reconnectRadius={12}
        proOptions={BARE}
      >
        {overview ? <Overview /> : <Background gap={20} size={2} color="var(--fl-grid)" />}
        <CanvasBar />
      </ReactFlow>
      {view.nodes.size === 0 && !readOnly && <EmptyCanvas />}
      <WiringHint canvas={wrapper} />
      <Refusal />
      <TidyStrip />
      {!readOnly && <FilesOnCanvas canvas={wrapper} />}
      <Minimap />
      <Menus canvas={wrapper} />
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
function useWiring(addAt: (x: number, y: number, source: PortEnd | null, target: PortEnd | null) => void) {
  const session = useSession();
  const { store } = session;
  const flow = useStoreApi();
  const moving = useRef<string | null>(null); // the wire of which an end is being taken elsewhere
  const { getEdge, getNode } = useReactFlow<FlowNode, FlowEdge>();

  return useMemo(() => {
    /** The port of a node that an output stands for: its own, or that which a folded scope shows. */
    const sourceOf = (id: string, port: string): { source: string; source_port: string } => {
      const drawn = getNode(id);
      const shown = drawn?.type === "scope" ? drawn.data.border.outputs.find((output) => output.id === port) : undefined;
      return shown ? { source: shown.node, source_port: shown.port } : { source: id, source_port: port };
    };
    const edgeOf = ({ source, sourceHandle, target, targetHandle }: Connection): EdgeDoc | null => {
      if (sourceHandle === null || targetHandle === null) return null;
      return { ...sourceOf(source, sourceHandle), target, target_port: targetHandle };
    };
    const start = (_: unknown, { nodeId, handleId, handleType }: OnConnectStartParams): void => {
      if (nodeId === null || handleId === null) return;
      if (handleType !== "source") return session.startWiring(nodeId, handleId, "input");
      const { source, source_port } = sourceOf(nodeId, handleId);
      session.startWiring(source, source_port, "output");
    };
    const refuse = (target: string, target_port: string): void => {
      const reason = session.reasonAgainst(target, target_port);
      if (reason === null || !session.wiring) return;
      const { node: source, port: source_port } = session.wiring;
      store.refuse(connect(store.view, { source, source_port, target, target_port }), target, target_port, reason);
    };
    /** A new wire that is let go over nothing asks for a node; one that was there is disconnected. */
    const letGo = (x: number, y: number): void => {
      if (!session.wiring || !document.elementFromPoint(x, y)?.matches(".react-flow__pane")) return;
      const { node, port, from } = session.wiring;
      const edges = moving.current === null ? [] : (getEdge(moving.current)?.data?.edges ?? []);
      if (moving.current !== null) store.edit(edges.map((edge) => ({ op: "disconnect", edge })));
      else addAt(x, y, from === "output" ? { node, port } : null, from === "input" ? { node, port } : null);
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
        const edges = getEdge(id)?.data?.edges ?? [];
        const moved = edgeOf(connection);
        if (!moved) return;
        const inScope = scopePath(moved.target) !== null; // then only the source has moved
        store.edit(
          edges.flatMap((edge) => {
            const { target, target_port } = inScope ? edge : moved;
            return reconnect(store.view, edge, { ...moved, target, target_port });
          }),
        );
      },
      onConnectStart: start,
      onReconnectStart: (_: unknown, { id }: Edge) => {
        moving.current = id;
      },
      onReconnectEnd: () => {
        moving.current = null;
      },
      onConnectEnd: (event: globalThis.MouseEvent | TouchEvent, { toHandle, isValid }: FinalConnectionState) => {
        const { clientX, clientY } = "changedTouches" in event ? event.changedTouches[0]! : event;
        if (!toHandle) letGo(clientX, clientY);
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
  }, [session, store, flow, addAt, getEdge, getNode]);
}
