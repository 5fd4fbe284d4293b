import { type ReactNode, useSyncExternalStore } from "react";
import type { Picture, PictureChange } from "../wire";
import { COMMANDS } from "../graph/commands";
import { useSession } from "../graph/GraphProvider";
import { BackIcon } from "../graph/icons";
import { loweredWish } from "../graph/pictureCommands";
import { SIGNS, wordOf } from "../graph/signs";
import { useCommands } from "../graph/useCommands";

/** What the picture is of, what else it could be of, and the way back. */
export function Strip({ picture, revision, children }: { picture: Picture; revision: number; children: ReactNode }) {
  const session = useSession();
  const { outer, pictures } = session;
  return (
    <header className="fl-picture-strip" data-testid="picture-strip">
      {outer && (
        <button
          type="button"
          className="fl-button fl-button-small"
          data-testid="picture-back"
          title="Back to the graph (Escape)"
          onClick={() => pictures.close()}
        >
          <BackIcon />
          Back to the graph
        </button>
      )}
      <h2>{picture.title}</h2>
      {picture.changes.length > 0 ? (
        <Legend changes={picture.changes} />
      ) : (
        picture.state.nodes.length > 0 && (
          <p className="fl-quiet" title={picture.message}>
            {picture.message}
          </p>
        )
      )}
      {outer && <Outdated revision={revision} />}
      <span className="fl-picture-gap" />
      {outer && loweredWish(session) && <Choices picture={picture} />}
      {outer && !loweredWish(session) && <CommandButton id="compare" label="Compare with…" />}
      {children}
    </header>
  );
}

/** What of a graph is lowered, and how. */
function Choices({ picture }: { picture: Picture }) {
  const session = useSession();
  const wish = loweredWish(session);
  if (!wish) return null;
  return (
    <>
      {picture.choices.length > 1 && wish.what === "gradients" && (
        <select
          className="fl-input fl-picture-loss"
          aria-label="Gradients of"
          data-testid="picture-loss"
          value={picture.choice}
          onChange={({ target }) => session.pictures.show({ ...wish, loss: target.value })}
        >
          {picture.choices.map(({ id, label }) => (
            <option key={id} value={id}>
              {label}
            </option>
          ))}
        </select>
      )}
      <CommandButton id="optimized" label="Optimized" pressed={wish.optimized} />
      <span className="fl-picture-group" role="group" aria-label="Show">
        <CommandButton id="operations" label="Operations" pressed={wish.what === "operations"} />
        <CommandButton id="gradients" label="Gradients" pressed={wish.what === "gradients"} />
      </span>
    </>
  );
}

function CommandButton({ id, label, pressed }: { id: string; label: string; pressed?: boolean }) {
  const run = useCommands();
  const command = COMMANDS.find((command) => command.id === id)!;
  return (
    <button
      type="button"
      className="fl-button fl-button-small"
      data-testid={`picture-${id}`}
      aria-pressed={pressed}
      title={command.title}
      onClick={({ currentTarget }) => run(command, currentTarget)}
    >
      {label}
    </button>
  );
}

/** Says that the graph was changed since, and offers to draw it anew. */
function Outdated({ revision }: { revision: number }) {
  const { outer, pictures } = useSession();
  const { store } = outer!;
  const now = useSyncExternalStore(store.subscribe, () => store.view.revision);
  if (now === revision) return null;
  return (
    <span className="fl-picture-outdated" role="status" data-testid="picture-outdated">
      The graph has changed since.
      <button type="button" className="fl-button fl-button-small" data-testid="picture-anew" onClick={() => pictures.refresh()}>
        Draw anew
      </button>
    </span>
  );
}

/** What the signs mean, with how many there are of each. */
function Legend({ changes }: { changes: readonly PictureChange[] }) {
  const shown = (["+", "-", "~"] as const).map((sign) => ({ sign, times: changes.filter((c) => c.sign === sign).length }));
  return (
    <span className="fl-picture-legend" role="note" aria-label="Legend">
      {shown.map(({ sign, times }) => (
        <span key={sign} className="fl-sign" data-sign={wordOf(sign)}>
          {SIGNS[sign]} {times} {wordOf(sign)}
        </span>
      ))}
    </span>
  );
}
