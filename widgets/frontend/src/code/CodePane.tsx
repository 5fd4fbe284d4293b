import { useEffect, useId, useRef, useState, useSyncExternalStore } from "react";
import { useSelected, useSession } from "../graph/GraphProvider";
import { keyLabel } from "../graph/keyNames";
import { members, scopeId, scopesOf } from "../graph/scopes";
import { useReveal } from "../graph/useReveal";
import "./code.css";
import { CodeEditor } from "./editor";
import { CodeText, type Mistake } from "./text";
import { useShown } from "./useShown";

/** The graph as Python, both ways: it follows the canvas, and the canvas follows it. */
export function CodePane() {
  const { store } = useSession();
  const [text] = useState(() => new CodeText(store));
  const pane = useRef<HTMLDivElement>(null);
  const place = useRef<HTMLDivElement>(null);
  const hint = useId();
  const shown = useShown(pane);
  useEffect(() => text.attach(), [text]);
  useEffect(() => text.open(shown), [text, shown]);
  const editor = useEditor(text, place, hint);
  const { absence, edited } = useText(text);
  return (
    <div className="fl-code-pane" ref={pane} data-testid="code-pane">
      <Notes text={text} onGoTo={(mistake) => editor()?.goTo(mistake)} />
      <div className="fl-code-editor" ref={place} data-stale={absence !== "" && !edited} />
      <p className="fl-code-hint" id={hint}>
        Applied as you type, at once by {keyLabel("Ctrl+Enter")}. Esc leaves the editor.
      </p>
    </div>
  );
}

/** What stands between the text and the graph, and what to do about it. */
function Notes({ text, onGoTo }: { text: CodeText; onGoTo: (mistake: Mistake) => void }) {
  const { absence, mistake, overtaken, edited } = useText(text);
  const discard = (
    <button type="button" className="fl-link" data-testid="code-discard" onClick={() => text.discard()}>
      Show the graph's code
    </button>
  );
  if (overtaken)
    return (
      <div className="fl-code-note" role="status" data-testid="code-overtaken">
        <span>The graph has changed while you were editing.</span>
        <button type="button" className="fl-link" data-testid="code-apply" onClick={() => text.propose()}>
          Apply your code
        </button>
        {discard}
      </div>
    );
  if (mistake)
    return (
      <div className="fl-code-note" data-kind="mistake" data-testid="code-mistake">
        <button type="button" className="fl-code-mistake" onClick={() => onGoTo(mistake)}>
          {mistake.line !== null && <strong>Line {mistake.line}</strong>}
          <span>{mistake.message}</span>
        </button>
        {discard}
      </div>
    );
  if (absence && !edited)
    return (
      <div className="fl-code-note" role="status" data-testid="code-absence">
        No code while the graph has problems. {absence}
      </div>
    );
  return null;
}

/** Puts an editor of the text into an element. Returns how to get at it. */
function useEditor(text: CodeText, place: React.RefObject<HTMLElement | null>, hint: string): () => CodeEditor | null {
  const session = useSession();
  const reveal = useReveal();
  const editor = useRef<CodeEditor>(null);
  const { shown, mistake, absence, edited } = useText(text);
  const selected = useSelected((session) => session.selectedNodes);

  const select = (id: string) => {
    const hiding = session.hiding(id);
    const what = hiding === null ? id : scopeId(hiding);
    if (!session.store.view.nodes.has(id)) return;
    session.select([what]);
    const box = session.maker.shown(what);
    if (box) reveal(box);
  };
  const events = useRef({ select });
  events.current = { select };

  useEffect(() => {
    const made = new CodeEditor(place.current!, hint, {
      onType: (typed) => text.type(typed),
      onNode: (id) => events.current.select(id),
      onFocus: (focused) => text.focus(focused),
      onPropose: () => text.propose(),
      onLeave: () => leave(place.current!),
      onHistory: (action) => {
        if (text.edited) return false;
        session.store.history(action);
        return true;
      },
    });
    editor.current = made;
    return () => {
      editor.current = null;
      made.destroy();
    };
  }, [text, session, place, hint]);
  useEffect(() => {
    if (shown) editor.current?.show(shown);
  }, [shown]);
  useEffect(() => editor.current?.mark(mistake), [mistake]);
  useEffect(() => editor.current?.write(absence === "" || edited), [absence, edited]);
  useEffect(() => {
    const scopes = scopesOf(session.store.view);
    editor.current?.select(new Set([...selected, ...members(scopes, selected)]));
  }, [session, selected, shown]);
  return () => editor.current;
}

/** Everything of the text that is drawn; a new picture after each change. */
function useText(text: CodeText): CodeText {
  useSyncExternalStore(text.subscribe, () => text.version);
  return text;
}

/** Moves the focus to the tab of the panel that holds an element. */
function leave(element: HTMLElement): void {
  const panel = element.closest<HTMLElement>('[role="tabpanel"]');
  document.getElementById(panel?.getAttribute("aria-labelledby") ?? "")?.focus();
}
