import { type FormEvent, type KeyboardEvent, type RefObject, useEffect, useRef, useState } from "react";
import { blockNameError } from "./blocks";
import "./blocks.css";
import { useSession } from "./GraphProvider";
import { nameOf, scopePath, scopesOf } from "./scopes";
import type { Session } from "./session";
import { focusCanvas } from "./useCommands";

/** The path of the scope that alone is selected; null if something else is. */
function onlyScope({ store, selectedNodes }: Session): string | null {
  const tree = scopesOf(store.view);
  const there = [...selectedNodes].filter((id) => store.view.nodes.has(id) || tree.has(scopePath(id) ?? ""));
  return there.length === 1 ? scopePath(there[0]!) : null;
}

/** Asks for the name of a new block, and keeps what is selected under it: a scope, or what then becomes one. */
export function SaveBlock({ canvas, onClose }: { canvas: RefObject<HTMLElement | null>; onClose: () => void }) {
  const session = useSession();
  const { store, blocks } = session;
  const scope = onlyScope(session);
  const [name, setName] = useState(scope === null ? "" : nameOf(scope));
  const [error, setError] = useState<string | null>(null);
  const [exists, setExists] = useState(false);
  const card = useRef<HTMLFormElement>(null);
  useEffect(() => card.current?.querySelector("input")?.select(), []);

  const leave = () => {
    if (canvas.current) focusCanvas(canvas.current);
    onClose();
  };
  const save = async (event: FormEvent) => {
    event.preventDefault();
    const wanted = name.trim();
    const wrong = blockNameError(wanted);
    if (wrong !== null) return setError(wrong);
    if (!exists && blocks.all.some((block) => block.name === wanted)) {
      setExists(true);
      return setError(`There is a block ${wanted} already`);
    }
    const kept = scope ?? session.groupAs(wanted);
    if (kept === null) return leave();
    leave();
    const answer = await blocks.save(kept, wanted, exists);
    if (answer.error !== null) store.complain(answer.error);
    else store.announce(`${kept} saved as the block ${wanted}`);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    event.stopPropagation();
    if (event.key !== "Escape") return;
    event.preventDefault();
    leave();
  };
  return (
    <div className="fl-overlay nowheel">
      <form
        ref={card}
        className="fl-card fl-block-card"
        role="dialog"
        aria-label="Save as a block"
        data-testid="save-block"
        onSubmit={(event) => void save(event)}
        onKeyDown={onKeyDown}
      >
        <h3>Save as a block</h3>
        <p className="fl-quiet">
          {scope === null ? "What is selected becomes a scope. " : ""}A block is kept in the folder blocks beside the notebook, without
          its weights, and is found in the palette.
        </p>
        <input
          className="fl-input"
          aria-label="Name of the block"
          aria-invalid={error !== null}
          aria-describedby="fl-block-error"
          autoComplete="off"
          spellCheck={false}
          placeholder="Name"
          data-testid="save-block-name"
          value={name}
          onChange={({ target }) => {
            setName(target.value);
            setError(null);
            setExists(false);
          }}
        />
        {error !== null && (
          <span id="fl-block-error" className="fl-input-error" role="alert">
            {error}
          </span>
        )}
        <div className="fl-block-actions">
          <button type="submit" className="fl-button" data-testid="save-block-save">
            {exists ? "Replace it" : "Save"}
          </button>
          <button type="button" className="fl-button" onClick={leave}>
            Cancel
          </button>
        </div>
      </form>
    </div>
  );
}
