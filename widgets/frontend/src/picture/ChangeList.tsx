import type { PictureChange } from "../wire";
import { useSession } from "../graph/GraphProvider";
import { SIGNS, wordOf } from "../graph/signs";

/** All changes; a press on one shows what it is about. */
export function ChangeList({ changes }: { changes: readonly PictureChange[] }) {
  return (
    <ul className="fl-changes" data-testid="changes">
      {changes.map((change) => (
        <li key={`${change.sign}${change.label}${change.node}`}>
          <Change change={change} />
        </li>
      ))}
    </ul>
  );
}

function Change({ change: { sign, label, facts, node } }: { change: PictureChange }) {
  const session = useSession();
  const text = (
    <>
      <span className="fl-sign" data-sign={wordOf(sign)} aria-label={wordOf(sign)}>
        {SIGNS[sign]}
      </span>
      <span className="fl-change-text">
        <strong>{label}</strong>
        {facts.map((fact) => (
          <span key={fact} className="fl-quiet">
            {fact}
          </span>
        ))}
      </span>
    </>
  );
  if (!node) return <div className="fl-change">{text}</div>;
  return (
    <button type="button" className="fl-change" onClick={() => session.show(node)}>
      {text}
    </button>
  );
}
