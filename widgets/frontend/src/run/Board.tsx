import { useCallback, useSyncExternalStore } from "react";
import type { Host } from "../host";
import { Controls } from "./Controls";
import { Plot } from "./Plot";
import { Progress, type TroubleHelp } from "./Progress";
import { type RunStore, runStoreFor, useRun } from "./store";
import "./board.css";

/** Train, steer and watch a run. */
export function Board({ host, ...help }: { host: Host } & TroubleHelp) {
  const store = runStoreFor(host);
  if (!store) return null;
  return (
    <div className="fl-board">
      <Controls store={store} />
      <Progress store={store} {...help} />
      <Plots store={store} />
    </div>
  );
}

function Plots({ store }: { store: RunStore }) {
  const { state } = useRun(store);
  const names = useCurveNames(store);
  if (state.run === 0) {
    return (
      <div className="fl-plots fl-plots-empty">
        <p>The loss and the metrics are drawn here, step by step, while the model learns.</p>
        <p>
          Press <strong>Train</strong> to begin.
        </p>
      </div>
    );
  }
  return (
    <div className="fl-plots">
      {names.map((name) => (
        <Plot key={name} store={store} name={name} />
      ))}
    </div>
  );
}

/** What is measured: first the readouts in their order, then curves that have no readout. */
function useCurveNames(store: RunStore): string[] {
  const subscribe = useCallback((listener: () => void) => {
    const stops = [store.subscribe(listener), store.onPoints(listener)];
    return () => stops.forEach((stop) => stop());
  }, [store]);
  const names = useSyncExternalStore(subscribe, () => {
    const readouts = store.view.state.readouts.map((r) => r.name);
    return JSON.stringify([...new Set([...readouts, ...store.names()])]);
  });
  return JSON.parse(names) as string[];
}
