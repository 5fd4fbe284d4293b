import { portTop } from "./geometry";
import type { Side } from "./PortHandle";

interface Named {
  id: string;
  name: string;
  optional?: boolean;
}

/** Port names, only where there is more than one to tell apart. `alone`: the other side has none. */
export function PortNames({ ports, side, alone }: { ports: readonly Named[]; side: Side; alone: boolean }) {
  if (ports.length < 2) return null;
  return ports.map(({ id, name, optional }, index) => (
    <span
      key={id}
      className={`fl-port-name fl-port-name-${side}`}
      data-alone={alone || undefined}
      style={{ top: portTop(index, ports.length) }}
    >
      {name}
      {optional && <span className="fl-port-optional"> optional</span>}
    </span>
  ));
}
