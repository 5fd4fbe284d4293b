import type { Fix } from "../wire";
import { useSession } from "./GraphProvider";
import { useAddNode } from "./useAddNode";

/** One button for each known way to mend a problem. */
export function FixButtons({ fixes }: { fixes: readonly Fix[] }) {
  const { store } = useSession();
  const { settled } = useAddNode();
  if (fixes.length === 0) return null;
  return (
    <div className="fl-fixes">
      {fixes.map((fix) => (
        <button
          key={fix.label}
          type="button"
          className="fl-button fl-button-small"
          onClick={() => store.edit(settled(fix.patch))}
        >
          {fix.label}
        </button>
      ))}
    </div>
  );
}
