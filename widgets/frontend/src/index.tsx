import { StrictMode, useSyncExternalStore } from "react";
import { createRoot } from "react-dom/client";
import { GraphEditor } from "./graph/GraphEditor";
import { count } from "./graph/numbers";
import { type GraphStore, graphStoreOf } from "./graph/store";
import { Host, type Model } from "./host";
import { Diff } from "./picture/Diff";
import { Board } from "./run/Board";
import { Studio } from "./studio/Studio";
import "./theme.css";
import "./contrast.css";

const LAYOUTS = { editor: GraphEditor, board: Board, studio: Studio, diff: Diff };

/** One widget: the layout that its state names, under a strip that says when the kernel does not answer. */
function Widget({ host }: { host: Host }) {
  const silent = useSyncExternalStore(host.subscribeSilent, () => host.silent);
  const Layout = LAYOUTS[host.state.layout];
  return (
    <>
      {silent && (
        <div className="fl-silent" role="status">
          No answer from the kernel. If it was restarted, run this cell again.
          {host.state.graph && <Unanswered store={graphStoreOf(host)} />}
        </div>
      )}
      <Layout host={host} />
    </>
  );
}

/** How many of the changes that are shown the kernel has not taken yet. */
function Unanswered({ store }: { store: GraphStore }) {
  const waiting = useSyncExternalStore(store.subscribe, () => store.unanswered);
  return waiting > 0 && ` ${count(waiting, "change")} of the graph ${waiting === 1 ? "has" : "have"} not reached it yet.`;
}

/**
 * Keeps keys pressed inside an element from JupyterLab. Its shortcuts end in `:focus` and match the element that has the
 * focus before they look for the mark on those around it, so whatever takes the focus is marked as well.
 */
function keepKeys(el: HTMLElement): void {
  el.dataset.lmSuppressShortcuts = "true";
  el.addEventListener("focusin", ({ target }) => {
    (target as HTMLElement).dataset.lmSuppressShortcuts = "true";
  });
}

/** The browser does not offer to save the page, wherever in the widget Ctrl+S is pressed. */
function keepSave(event: KeyboardEvent): void {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") event.preventDefault();
}

/** anywidget calls this once per widget model, so the host is shared by all views of it. */
export default () => {
  let host: Host | undefined;
  return {
    initialize({ model }: { model: Model }) {
      const made = (host = new Host(model));
      return () => made.close();
    },
    render({ model, el }: { model: Model; el: HTMLElement }) {
      host ??= new Host(model);
      el.classList.add("fl-root");
      keepKeys(el);
      const root = createRoot(el);
      el.addEventListener("keydown", keepSave); // after React's listeners, which come with the root
      root.render(
        <StrictMode>
          <Widget host={host} />
        </StrictMode>,
      );
      return () => {
        el.removeEventListener("keydown", keepSave);
        root.unmount();
      };
    },
  };
};
