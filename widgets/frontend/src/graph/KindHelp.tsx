import { type ReactNode, useLayoutEffect, useRef, useState } from "react";
import { createPortal } from "react-dom";
import type { KindInfo, PortKind } from "../wire";
import { Explanation } from "./Explanation";

/** The help of a palette entry: what it does, what goes in and out. */
export function KindHelp({ kind, beside }: { kind: KindInfo; beside: HTMLElement }) {
  const list = (ports: PortKind[]) =>
    ports.map(({ name, variadic, optional }) => (variadic ? `*${name}` : optional ? `${name}?` : name)).join(", ") ||
    "nothing";
  return (
    <HelpCard beside={beside}>
      <strong>{kind.label}</strong>
      <Explanation kind={kind} />
      <p className="fl-quiet">
        Takes <span className="fl-code">{list(kind.inputs)}</span>, gives{" "}
        <span className="fl-code">{list(kind.outputs)}</span>.
      </p>
    </HelpCard>
  );
}

/** A card beside an entry of the palette. */
export function HelpCard({ beside, children }: { beside: HTMLElement; children: ReactNode }) {
  const card = useRef<HTMLDivElement>(null);
  const [place, setPlace] = useState({ left: 0, top: 0 });
  const root = beside.closest<HTMLElement>(".fl-root");

  useLayoutEffect(() => {
    if (!root || !card.current) return;
    const bounds = root.getBoundingClientRect();
    const entry = beside.getBoundingClientRect();
    const lowest = bounds.height - card.current.offsetHeight - 8;
    setPlace({ left: entry.right - bounds.left + 12, top: Math.max(8, Math.min(entry.top - bounds.top - 8, lowest)) });
  }, [root, beside, children]);

  if (!root) return null;
  return createPortal(
    <div ref={card} className="fl-card fl-help" style={place} role="tooltip">
      {children}
    </div>,
    root,
  );
}
