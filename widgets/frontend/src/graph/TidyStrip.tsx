import { useSyncExternalStore } from "react";
import { useSession } from "./GraphProvider";
import { count } from "./numbers";
import { focusCanvas } from "./useCommands";
import "./tidystrip.css";

/** Says that a layout is under way, how far it is, and offers to cancel it. Screen readers hear of it as it begins. */
export function TidyStrip() {
  const { tidying } = useSession();
  const shown = useSyncExternalStore(tidying.subscribe, () => tidying.shown);
  if (!shown) return null;
  return (
    <div className="fl-tidying" data-testid="tidying">
      <span>Laying out {count(shown.nodes, "node")}…</span>
      <progress max={1} value={shown.share} aria-label="Layout" />
      <button
        type="button"
        className="fl-button"
        data-testid="cancel-tidy"
        title="Leave everything where it is (Escape)"
        onClick={({ currentTarget }) => {
          focusCanvas(currentTarget);
          tidying.cancel();
        }}
      >
        Cancel
      </button>
    </div>
  );
}
