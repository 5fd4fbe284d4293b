import { useSession } from "./GraphProvider";
import type { Scope } from "./scopes";
import { changedIn, signOf, SIGNS, wordOf } from "./signs";
import "./signs.css";

/** What became of a node between two versions, as a sign and a word; of a folded scope also of how many in it. */
export function SignBadge({ id, scope }: { id: string; scope?: Scope }) {
  const { store } = useSession();
  const sign = signOf(store, id, scope);
  if (!sign) return null;
  const facts = store.marks.nodes.get(id)?.facts ?? [];
  const count = scope && sign === "~" ? ` ${changedIn(store, scope)}` : "";
  return (
    <span className="fl-sign fl-sign-badge" data-sign={wordOf(sign)} title={[wordOf(sign), ...facts].join("\n")}>
      {SIGNS[sign]}
      {count} {wordOf(sign)}
    </span>
  );
}
