import { useReactFlow } from "@xyflow/react";
import { type KeyboardEvent, type RefObject, useMemo } from "react";
import type { FlowEdge, FlowNode } from "./flow";
import { focusSoon, nodeSelector, portSelector, wireSelector } from "./focusing";
import { useSession } from "./GraphProvider";
import { useReveal } from "./useReveal";

type Side = "input" | "output";

const SIDES: Record<string, Side> = { ArrowLeft: "input", ArrowRight: "output" };
const STEPS: Record<string, number> = { ArrowUp: -1, ArrowDown: 1 };

/** At this zoom ports can be told apart. */
const READABLE = 0.75;

/**
 * Keys that follow the data: from a node left and right go to its ports, from there to the wires, and on to the port at
 * the other end. On a port Enter lists what fits, Delete disconnects.
 */
export function usePortKeys(canvas: RefObject<HTMLElement | null>): (event: KeyboardEvent) => boolean {
  const session = useSession();
  const reveal = useReveal();
  const { getEdge, getEdges, setCenter, getZoom } = useReactFlow<FlowNode, FlowEdge>();
  return useMemo(() => {
    const { store, maker } = session;
    /** To a port, coming nearer if it is too far away to be seen. */
    const focusPort = (node: string, side: Side, id: string): boolean => {
      const box = maker.shown(node);
      if (!box) return false;
      if (canvas.current?.dataset.zoom !== "block") reveal(box);
      else void setCenter(box.x + box.width / 2, box.y + box.height / 2, { zoom: Math.max(READABLE, getZoom()) });
      focusSoon(canvas.current, portSelector(node, side, id));
      return true;
    };
    const enter = (node: HTMLElement, side: Side): boolean => {
      const first = portsOf(node, side)[0]?.dataset.handleid;
      if (first === undefined) store.announce(`No ${side}s`);
      return first === undefined || focusPort(node.dataset.id ?? "", side, first);
    };
    /** The wires at a port, from top to bottom. */
    const wiresAt = (node: string, side: Side, id: string): FlowEdge[] => {
      const found = getEdges().filter((edge) =>
        side === "input"
          ? edge.target === node && edge.targetHandle === id
          : edge.source === node && edge.sourceHandle === id,
      );
      const y = ({ source, target }: FlowEdge) => maker.shown(side === "input" ? source : target)?.y ?? 0;
      return found.sort((a, b) => y(a) - y(b));
    };
    const focusWire = (wire: FlowEdge | undefined): boolean => {
      if (wire) focusSoon(canvas.current, wireSelector(wire.id));
      else store.announce("Not connected");
      return true;
    };
    const disconnect = (side: Side, wires: readonly FlowEdge[]): boolean => {
      const edges = wires.flatMap(({ data }) => data?.edges ?? []);
      if (side === "input" && edges.length > 0) store.edit(edges.map((edge) => ({ op: "disconnect", edge })));
      else store.announce(side === "input" ? "Not connected" : "Wires are disconnected at the inputs that they lead to");
      return true;
    };
    const open = (port: HTMLElement, side: Side, wires: readonly FlowEdge[]): boolean => {
      const { right, bottom } = port.getBoundingClientRect();
      const at = { x: right + 8, y: bottom + 4 };
      const first = port.matches("[data-closed]") ? wires[0]?.data?.edges : undefined;
      const end = first?.[0]
        ? { node: first[0].target, port: first[0].target_port }
        : { node: port.dataset.portNode ?? "", port: port.dataset.port ?? "" };
      session.openMenu({ what: "port", at, end, side, moving: first ?? [] });
      return true;
    };
    const onPort = (port: HTMLElement, node: HTMLElement, key: string): boolean => {
      const side: Side = port.matches(".target") ? "input" : "output";
      const ports = portsOf(node, side);
      const wires = wiresAt(node.dataset.id ?? "", side, port.dataset.handleid ?? "");
      if (key === "Escape" && (session.wiring || store.refusal)) return false; // those are left first
      if (STEPS[key]) ports[ports.indexOf(port) + STEPS[key]]?.focus({ preventScroll: true });
      else if (SIDES[key]) return SIDES[key] === side ? focusWire(wires[0]) : enter(node, SIDES[key]);
      else if (key === "Escape") focusSoon(canvas.current, nodeSelector(node.dataset.id ?? ""));
      else if (store.readOnly) return false;
      else if (key === "Enter" || key === " ") return open(port, side, wires);
      else return (key === "Delete" || key === "Backspace") && disconnect(side, wires);
      return true;
    };
    const onWire = (wire: FlowEdge, key: string): boolean => {
      const { source, sourceHandle, target, targetHandle } = wire;
      if (SIDES[key] === "input") return focusPort(source, "output", sourceHandle ?? "");
      if (SIDES[key] === "output") return focusPort(target, "input", targetHandle ?? "");
      if (!STEPS[key]) return false;
      const beside = wiresAt(source, "output", sourceHandle ?? "");
      const next = beside[beside.findIndex(({ id }) => id === wire.id) + STEPS[key]];
      return next === undefined || focusWire(next);
    };

    return (event) => {
      const target = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return false;
      const node = target.closest<HTMLElement>(".react-flow__node");
      if (node && target === node) return SIDES[event.key] !== undefined && enter(node, SIDES[event.key]!);
      if (node && target.matches(".fl-port")) return onPort(target, node, event.key);
      const wire = target.matches(".react-flow__edge") ? getEdge(target.dataset.id ?? "") : undefined;
      return wire !== undefined && onWire(wire, event.key);
    };
  }, [session, canvas, reveal, getEdge, getEdges, setCenter, getZoom]);
}

/** The ports of a side, from top to bottom. */
function portsOf(node: HTMLElement, side: Side): HTMLElement[] {
  return [...node.querySelectorAll<HTMLElement>(`.fl-port.${side === "input" ? "target" : "source"}`)];
}
