import { FixButtons } from "./FixButtons";
import { useSession, useStored } from "./GraphProvider";
import { CloseIcon } from "./icons";

/** Whether all words and numbers of `detail` stand in the message already. */
function says(message: string, detail: string): boolean {
  return detail.match(/[\w.]+/g)?.every((word) => message.includes(word)) ?? true;
}

/** Why the latest edit was refused: what, where, the specs that do not go together, and how to mend it. */
export function Refusal() {
  const { store } = useSession();
  const refusal = useStored((store) => store.refusal);
  if (!refusal) return null;
  const { node, port, message, specs, dimension, fixes } = refusal;
  const name = store.view.nodes.get(node)?.name;
  const where = [name, port].filter(Boolean).join(", ");
  const unsaid = specs.filter((spec) => !message.includes(spec));
  return (
    <div className="fl-refusal" data-testid="refusal">
      <div className="fl-refusal-text">
        <strong>{where ? `Not possible at ${where}` : "Not possible"}</strong>
        <p>{message}</p>
        {unsaid.length > 0 && <p className="fl-code">{unsaid.join("  and  ")}</p>}
        {dimension !== null && !says(message, dimension) && <p>Does not match: {dimension}.</p>}
        <FixButtons fixes={fixes} />
      </div>
      <button type="button" className="fl-icon-button" aria-label="Dismiss" onClick={() => store.dismissRefusal()}>
        <CloseIcon />
      </button>
    </div>
  );
}
