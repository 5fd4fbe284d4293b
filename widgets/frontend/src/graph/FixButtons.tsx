import type { Fix } from "../wire";
import { useSession } from "./GraphProvider";
import { boundsOf } from "./place";
import { useAddNode } from "./useAddNode";
import { useReveal } from "./useReveal";

/** One button for each known way to mend a problem. */
export function FixButtons({ fixes }: { fixes: readonly Fix[] }) {
  const { store, maker } = useSession();
  const { settled } = useAddNode();
  const reveal = useReveal();
  if (fixes.length === 0) return null;
  const mend = (patch: Fix["patch"]) => {
    store.edit(settled(patch));
    const added = patch.flatMap((change) => (change.op === "add_node" ? (maker.shown(change.node.id) ?? []) : []));
    const bounds = boundsOf(added);
    if (bounds) reveal(bounds);
  };
  return (
    <div className="fl-fixes">
      {fixes.map((fix) => (
        <button
          key={fix.label}
          type="button"
          className="fl-button fl-button-small"
          onClick={() => mend(fix.patch)}
        >
          {fix.label}
        </button>
      ))}
    </div>
  );
}
