import { type FormEvent, type RefObject, useEffect, useMemo, useState } from "react";
import { type Choice, Chooser } from "../graph/Chooser";
import { COMMANDS } from "../graph/commands";
import { findCommands } from "../graph/finding";
import { useFile, useSession } from "../graph/GraphProvider";
import { count } from "../graph/numbers";
import { useCommands } from "../graph/useCommands";
import type { FileInfo } from "../wire";
import { carryOut, open, pick, save } from "./actions";
import { Dialog } from "./Dialog";
import type { FilesMenu, Source } from "./menus";
import { bytes, when } from "./words";

interface FileMenusProps {
  canvas: RefObject<HTMLElement | null>;
  menu: FilesMenu;
  onClose: () => void;
}

/** Below the bar, at its left end. */
const WIDTH = 320;
const TOP = 48;

/** What is asked about files. */
export function FileMenus({ canvas, menu, onClose }: FileMenusProps) {
  switch (menu.what) {
    case "file":
      return <FileMenu canvas={canvas} onClose={onClose} />;
    case "open":
      return <OpenMenu canvas={canvas} onClose={onClose} />;
    case "save-as":
      return <SaveAs canvas={canvas} onClose={onClose} />;
    case "place":
      return <Place canvas={canvas} source={menu.source} onClose={onClose} />;
    case "replace":
      return <Replace canvas={canvas} name={menu.name} why={menu.why} onClose={onClose} />;
  }
}

type Part = Omit<FileMenusProps, "menu">;

/** The list of what can be done with files. */
function FileMenu({ canvas, onClose }: Part) {
  const session = useSession();
  const run = useCommands();
  const { name, changed } = useFile(({ state }) => state);
  const find = (query: string) => {
    const found = findCommands(session, query).flatMap((choice): Choice[] => {
      const command = COMMANDS.find(({ id, group }) => id === choice.id && group === "File");
      if (choice.off && command?.passing) return [];
      const choose = () => command && canvas.current && run(command, canvas.current);
      return command ? [{ ...choice, choose }] : [];
    });
    return [{ title: `${name}${changed ? ", unsaved changes" : ""}`, choices: found }];
  };
  return <Chooser canvas={canvas} at={useTop(canvas)} width={WIDTH} label="Files" find={find} onClose={onClose} />;
}

/** The files beside the notebook, and the way to others. */
function OpenMenu({ canvas, onClose }: Part) {
  const session = useSession();
  const [files, setFiles] = useState<readonly FileInfo[] | null>(null);
  useEffect(() => {
    let there = true;
    void session.files.list().then((found) => {
      if (!there) return;
      if (typeof found !== "string") return setFiles(found);
      setFiles([]);
      session.store.complain(found);
    });
    return () => {
      there = false;
    };
  }, [session]);
  const at = useTop(canvas);
  if (files === null) return null; // so that no line moves away from the one who chooses it
  const choose = (source: Source) => () => open(session, source);
  const find = (query: string) => {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    const has = (name: string) => words.every((word) => name.toLowerCase().includes(word));
    const beside = files.filter(({ name }) => has(name)).map(
      ({ name, size, time }): Choice => ({
        id: encodeURIComponent(name),
        label: name,
        detail: `${bytes(size)}, ${when(time)}`,
        choose: choose({ name, file: null }),
      }),
    );
    const other = { id: "computer", label: "From this computer…", choose: () => pick(session) };
    return [
      { title: "Beside the notebook", choices: beside },
      { title: "Elsewhere", choices: has(other.label) ? [other] : [] },
    ].filter(({ choices }) => choices.length > 0);
  };
  return <Chooser canvas={canvas} at={at} width={WIDTH} label="Open a file" find={find} onClose={onClose} />;
}

/** A name for the graph's file. */
function SaveAs({ canvas, onClose }: Part) {
  const session = useSession();
  const { name, folder } = useFile(({ state }) => state);
  const [typed, setTyped] = useState(() => name.replace(/\.flow\.json$/, ""));
  const [wrong, setWrong] = useState<string | null>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (typed.trim() === "") return setWrong("A file needs a name");
    const outcome = await save(session, typed);
    if (outcome.type === "done") onClose();
    else if (!outcome.exists) setWrong(outcome.message);
  };
  return (
    <Dialog canvas={canvas} title="Save as" onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <label className="fl-dialog-field">
          <input
            className="fl-input"
            data-first
            data-testid="file-name"
            aria-label="Name of the file"
            aria-invalid={wrong !== null}
            autoComplete="off"
            spellCheck={false}
            value={typed}
            onChange={(event) => {
              setTyped(event.target.value);
              setWrong(null);
            }}
          />
          <span className="fl-quiet">.flow.json</span>
        </label>
        <p className="fl-quiet fl-dialog-line">in {folder}</p>
        {wrong !== null && (
          <p className="fl-input-error fl-dialog-line" role="alert">
            {wrong}
          </p>
        )}
        <div className="fl-dialog-actions">
          <button type="submit" className="fl-button">
            Save
          </button>
          <button type="button" className="fl-button" onClick={onClose}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** Whether a file takes the place of what is there. */
function Place({ canvas, source, onClose }: Part & { source: Source }) {
  const session = useSession();
  const nodes = session.store.view.nodes.size;
  const choose = (insert: boolean) => () => {
    onClose();
    void carryOut(session, source, insert);
  };
  return (
    <Dialog canvas={canvas} title={`Open ${source.name}`} onClose={onClose}>
      <p className="fl-dialog-line">
        There {nodes === 1 ? "is" : "are"} {count(nodes, "node")} on the canvas. Undo brings back what is replaced.
      </p>
      <div className="fl-dialog-actions">
        <button type="button" className="fl-button" data-first onClick={choose(false)}>
          Replace
        </button>
        <button type="button" className="fl-button" onClick={choose(true)}>
          Insert beside
        </button>
        <button type="button" className="fl-button" onClick={onClose}>
          Cancel
        </button>
      </div>
    </Dialog>
  );
}

/** Whether a file that is there is to be replaced. */
function Replace({ canvas, name, why, onClose }: Part & { name: string; why: string }) {
  const session = useSession();
  const replace = () => {
    onClose();
    void save(session, name, true);
  };
  return (
    <Dialog canvas={canvas} title="Replace the file?" onClose={onClose}>
      <p className="fl-dialog-line">{why}.</p>
      <div className="fl-dialog-actions">
        <button type="button" className="fl-button" onClick={replace}>
          Replace
        </button>
        <button type="button" className="fl-button" data-first onClick={onClose}>
          Cancel
        </button>
      </div>
    </Dialog>
  );
}

function useTop(canvas: RefObject<HTMLElement | null>): { x: number; y: number } {
  return useMemo(() => {
    const bounds = canvas.current?.getBoundingClientRect();
    return bounds ? { x: bounds.right - WIDTH, y: bounds.top + TOP } : { x: 0, y: 0 };
  }, [canvas]);
}
