import { type KeyboardEvent, useCallback } from "react";
import { useSession } from "./GraphProvider";
import type { Session } from "./session";
import type { PortEnd } from "./store";

/** Keys on nodes and their ports: left and right reach the ports; there Enter lists what fits, Delete disconnects. */
export function usePortKeys(): (event: KeyboardEvent) => boolean {
  const session = useSession();
  return useCallback(
    (event) => {
      const target = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return false;
      if (target.matches(".react-flow__node")) return enter(session, target, event.key);
      return target.matches(".fl-port") && onPort(session, target, event.key);
    },
    [session],
  );
}

const SIDES: Record<string, "input" | "output"> = { ArrowLeft: "input", ArrowRight: "output" };

function enter(session: Session, node: HTMLElement, key: string): boolean {
  const side = SIDES[key];
  if (!side) return false;
  const port = portsOf(node, side)[0];
  if (port) port.focus({ preventScroll: true });
  if (!port || document.activeElement !== port) session.store.announce(port ? "Zoom in to reach the ports" : `No ${side}s`);
  return true;
}

function onPort(session: Session, port: HTMLElement, key: string): boolean {
  const node = port.closest<HTMLElement>(".react-flow__node");
  if (!node) return false;
  const side = port.matches(".target") ? "input" : "output";
  const end: PortEnd = { node: port.dataset.portNode ?? "", port: port.dataset.port ?? "" };
  const ports = portsOf(node, side);
  if (key === "Escape" && (session.wiring || session.store.refusal)) return false; // those are left first
  const step = { ArrowDown: 1, ArrowUp: -1 }[key];
  if (step !== undefined) ports[ports.indexOf(port) + step]?.focus({ preventScroll: true });
  else if (SIDES[key]) SIDES[key] === side || enter(session, node, key);
  else if (key === "Escape") node.focus({ preventScroll: true });
  else if (session.store.readOnly) return false;
  else if (key === "Enter" || key === " ") open(session, port, end, side);
  else if (key === "Delete" || key === "Backspace") disconnect(session, end, side);
  else return false;
  return true;
}

/** The ports of a side that the keyboard may reach. */
function portsOf(node: HTMLElement, side: "input" | "output"): HTMLElement[] {
  return [...node.querySelectorAll<HTMLElement>(`.fl-port.${side === "input" ? "target" : "source"}[tabindex]`)];
}

function open(session: Session, port: HTMLElement, end: PortEnd, side: "input" | "output"): void {
  const { right, bottom } = port.getBoundingClientRect();
  session.openMenu({ what: "port", at: { x: right + 8, y: bottom + 4 }, end, side });
}

function disconnect({ store }: Session, { node, port }: PortEnd, side: "input" | "output"): void {
  const edge = store.view.edges.find(({ target, target_port }) => target === node && target_port === port);
  if (side === "input" && edge) store.edit([{ op: "disconnect", edge }]);
  else store.announce(side === "input" ? "Not connected" : "Wires are disconnected at the inputs that they lead to");
}
