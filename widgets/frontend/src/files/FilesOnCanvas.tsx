import { type RefObject, useEffect } from "react";
import { useFile, useGraph, useSession } from "../graph/GraphProvider";
import { CloseIcon } from "../graph/icons";
import { recover } from "./actions";
import { useFileDrop } from "./useFileDrop";
import { when } from "./words";

/** What files have to do with the canvas: they are dropped there, and their strip lies at its lower edge. */
export function FilesOnCanvas({ canvas }: { canvas: RefObject<HTMLElement | null> }) {
  const over = useFileDrop(canvas);
  return (
    <>
      {over && (
        <div className="fl-drop" data-testid="drop-zone">
          Drop a .flow.json or .onnx file to open it
        </div>
      )}
      <div className="fl-strips">
        <Done />
        <Unsaved />
      </div>
    </>
  );
}

/** How long is said what was done, in milliseconds. */
const WHILE = 10_000;

/** What goes on and takes a while, or what was done last. */
function Done() {
  const { files } = useSession();
  const busy = useFile(({ busy }) => busy);
  const sending = useFile(({ sending }) => sending);
  const note = useFile(({ note }) => note);
  const warning = useFile(({ warning }) => warning);
  useEffect(() => {
    if (note === null) return;
    const timer = setTimeout(() => files.say({ note: null }), WHILE);
    return () => clearTimeout(timer);
  }, [files, note]);
  const line = busy === null ? (note ?? warning) : `${busy}…`;
  if (line === null) return null;
  return (
    <div className="fl-strip" data-testid="file-note" aria-busy={busy !== null}>
      <span>{line}</span>
      {sending && (
        <button type="button" className="fl-button fl-button-small" onClick={() => files.cancel()}>
          Cancel
        </button>
      )}
      {busy === null && (
        <button type="button" className="fl-icon-button" aria-label="Dismiss" onClick={() => files.dismiss()}>
          <CloseIcon />
        </button>
      )}
    </div>
  );
}

/** The offer of what an earlier session has left. */
function Unsaved() {
  const session = useSession();
  const { name } = useGraph();
  const unsaved = useFile(({ state }) => state.unsaved);
  if (!unsaved) return null;
  return (
    <div className="fl-strip" role="group" aria-label="Unsaved work" data-testid="unsaved-work">
      <span>
        Unsaved work on {name} from {when(unsaved.time)}
      </span>
      <button type="button" className="fl-button fl-button-small" onClick={() => void recover(session, "restore")}>
        Restore
      </button>
      <button type="button" className="fl-button fl-button-small" onClick={() => void recover(session, "discard")}>
        Discard
      </button>
    </div>
  );
}
