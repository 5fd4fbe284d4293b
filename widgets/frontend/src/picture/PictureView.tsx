import { type KeyboardEvent, type ReactNode, useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import type { Picture, WidgetState } from "../wire";
import { Canvas } from "../graph/Canvas";
import { SessionProvider, useSession } from "../graph/GraphProvider";
import type { OpenPicture } from "../graph/pictures";
import { pictureSession } from "../graph/pictureStore";
import type { Session } from "../graph/session";
import { focusCanvas } from "../graph/useCommands";
import { Pane, usePane } from "../studio/Pane";
import { useInspections } from "../studio/useInspections";
import { useWidth } from "../studio/useWidth";
import { ChangeList } from "./ChangeList";
import { Facts } from "./Facts";
import { Strip } from "./Strip";
import "./picture.css";

/** Below this width, in pixels, what there is to say is folded until someone unfolds it. */
const ROOM_FOR_FACTS = 1100;

/** The picture that is open over a session's graph. */
export function useOpenPicture(session: Session): OpenPicture | null {
  return useSyncExternalStore(session.pictures.subscribe, () => session.pictures.open);
}

/** The picture that lies over the editor, and how it is left. */
export function OpenPictureView({ open, state }: { open: OpenPicture; state: WidgetState }) {
  const session = useSession();
  const root = useRef<HTMLElement>(null);
  const { answer, wish } = open;
  useEffect(() => {
    const editor = root.current?.parentElement;
    root.current?.focus({ preventScroll: true });
    return () => {
      if (editor) focusCanvas(editor);
    };
  }, []);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    event.preventDefault();
    session.pictures.close();
  };
  return (
    <section
      ref={root}
      className="fl-picture"
      data-testid="picture"
      data-what={wish.what}
      aria-label={answer?.picture.title ?? "Drawing"}
      tabIndex={-1}
      onKeyDown={onKeyDown}
    >
      {answer ? (
        <PictureView key={answer.request} picture={answer.picture} state={state} outer={session} revision={answer.revision} />
      ) : (
        <p className="fl-picture-note" role="status">
          Drawing…{" "}
          <button type="button" className="fl-button" onClick={() => session.pictures.close()}>
            Back to the graph
          </button>
        </p>
      )}
    </section>
  );
}

interface PictureViewProps {
  picture: Picture;
  state: WidgetState;
  /** The session of the graph that it lies over; null: it stands alone. */
  outer: Session | null;
  /** The graph's revision that it shows. */
  revision: number;
  /** Buttons at the end of the strip. */
  children?: ReactNode;
}

/** A picture on a canvas of its own, which looks like the graph's, with what there is to say of it. */
export function PictureView({ picture, state, outer, revision, children }: PictureViewProps) {
  const session = useMemo(() => pictureSession(picture, state, outer), [picture, state, outer]);
  return (
    <SessionProvider session={session}>
      <Strip picture={picture} revision={revision}>
        {children}
      </Strip>
      {picture.state.nodes.length === 0 ? <Nothing picture={picture} /> : <Panes picture={picture} />}
    </SessionProvider>
  );
}

function Panes({ picture }: { picture: Picture }) {
  const session = useSession();
  const panes = useRef<HTMLDivElement>(null);
  const width = useWidth(panes);
  const changes = usePane("changes", false);
  const facts = usePane("facts", width !== null && width < ROOM_FOR_FACTS);
  useInspections(() => facts.fold(false));
  useEffect(() => {
    if (!session.outer) return;
    session.store.announce(`${picture.title}. ${picture.message}`);
    if (panes.current && width !== null) focusCanvas(panes.current);
  }, [session, picture, width === null]);
  return (
    <div className="fl-picture-panes" ref={panes}>
      {width !== null && picture.changes.length > 0 && (
        <Pane name="changes" title="Changes" side="left" state={changes}>
          <ChangeList changes={picture.changes} />
        </Pane>
      )}
      {width !== null && (
        <>
          <div className="fl-studio-canvas">
            <Canvas />
          </div>
          <Pane name="facts" title="About" side="right" state={facts}>
            <Facts picture={picture} />
          </Pane>
        </>
      )}
    </div>
  );
}

/** Why there is no picture. */
function Nothing({ picture }: { picture: Picture }) {
  return (
    <p className="fl-picture-note" role="status" data-testid="no-picture">
      {picture.message}
    </p>
  );
}
