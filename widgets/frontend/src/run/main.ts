import type { RunState } from "../wire";
import type { RunStore } from "./store";

/** What the filled button does now. */
export function mainAction({ status }: RunState): "train" | "pause" | "resume" {
  if (status === "running") return "pause";
  return status === "paused" ? "resume" : "train";
}

const WORDS = { train: "Training", pause: "Pausing", resume: "Training goes on" };

/** Do what the filled button does; what that is, in a few words. `refused` hears why, if the kernel will not. */
export function pressMain(store: RunStore, refused: (error: string) => void): string {
  const action = mainAction(store.view.state);
  const waits = (): boolean =>
    store.view.pending.some(({ command, acknowledged }) => command.action === action && !acknowledged);
  if (waits() || store.view.state.status === "starting") return WORDS[action];
  store.command(action);
  const stop = store.subscribe(() => {
    if (waits()) return;
    stop();
    if (store.view.error !== null) refused(store.view.error);
  });
  return WORDS[action];
}
