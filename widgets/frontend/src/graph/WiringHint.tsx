import { useConnection } from "@xyflow/react";
import { type RefObject, useEffect, useState } from "react";
import { useSelected, useSession } from "./GraphProvider";
import { pathOf } from "./scopes";

interface Port {
  node: string;
  port: string;
}

/** The widest and highest that a hint gets, in pixels. */
const WIDTH = 300;
const HEIGHT = 72;

/** While a wire is drawn: at the pointer, whether it fits the port there, and if not, why. */
export function WiringHint({ canvas }: { canvas: RefObject<HTMLElement | null> }) {
  const session = useSession();
  const wiring = useSelected(({ wiring }) => wiring);
  const snapped = useConnection(({ toHandle }) => (toHandle?.type === "target" ? toHandle : null));
  const [pointer, setPointer] = useState<{ x: number; y: number; port: Port | null } | null>(null);
  const drawing = wiring !== null && wiring.from === "output";

  useEffect(() => {
    if (!drawing) return;
    const look = (event: PointerEvent): void => {
      const bounds = canvas.current?.getBoundingClientRect();
      if (!bounds) return;
      setPointer({
        x: Math.max(8, Math.min(event.clientX - bounds.left + 14, bounds.width - WIDTH)),
        y: Math.min(event.clientY - bounds.top + 18, bounds.height - HEIGHT),
        port: inputPortAt(event, canvas.current),
      });
    };
    document.addEventListener("pointermove", look);
    return () => {
      document.removeEventListener("pointermove", look);
      setPointer(null);
    };
  }, [drawing, canvas]);

  const pointed = snapped ? { node: snapped.nodeId, port: snapped.id ?? "" } : pointer?.port;
  if (!drawing || wiring.verdicts === null || !pointer || !pointed) return null;
  const reason = session.reasonAgainst(pointed.node, pointed.port);
  const node = session.store.view.nodes.get(pointed.node);
  if (!node) return null; // a folded scope, which shows why by itself
  return (
    <div
      className="fl-hint"
      data-testid="wiring-hint"
      data-verdict={reason === null ? "fits" : "unfit"}
      style={{ left: pointer.x, top: pointer.y }}
    >
      {reason ?? `Fits ${pointed.port} of ${pathOf(node)}`}
    </div>
  );
}

function inputPortAt({ clientX, clientY }: PointerEvent, canvas: HTMLElement | null): Port | null {
  const port = document.elementFromPoint(clientX, clientY)?.closest<HTMLElement>(".fl-port.target");
  const { nodeid: node, handleid: name } = port?.dataset ?? {};
  return canvas?.contains(port ?? null) && node !== undefined && name !== undefined ? { node, port: name } : null;
}
