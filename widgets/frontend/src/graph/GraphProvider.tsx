import { ReactFlowProvider } from "@xyflow/react";
import { createContext, type ReactNode, useContext, useMemo, useSyncExternalStore } from "react";
import { type FilesStore, filesOf } from "../files/store";
import type { Host } from "../host";
import { blocksOf } from "./blocks";
import { foldsOf } from "./folds";
import { Session } from "./session";
import { type GraphStore, type GraphView, graphStoreOf } from "./store";
import { useKeys } from "./useKeys";

const SessionContext = createContext<Session | null>(null);

/** Gives the panes of one graph (palette, canvas, inspector, problems) their store and what they select together. */
export function GraphProvider({ host, children }: { host: Host; children: ReactNode }) {
  const session = useMemo(() => new Session(graphStoreOf(host), foldsOf(host), blocksOf(host), filesOf(host)), [host]);
  return <SessionProvider session={session}>{children}</SessionProvider>;
}

/** The same for a session that is there. */
export function SessionProvider({ session, children }: { session: Session; children: ReactNode }) {
  return (
    <SessionContext value={session}>
      <ReactFlowProvider>
        <Keys>
          {children}
          <Announcer />
        </Keys>
      </ReactFlowProvider>
    </SessionContext>
  );
}

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("this belongs inside a GraphProvider");
  return session;
}

/** A part of the session; the component renders anew when that part is another (by Object.is). */
export function useSelected<T>(part: (session: Session) => T): T {
  const session = useSession();
  return useSyncExternalStore(session.subscribe, () => part(session));
}

/** A part of the graph store; the component renders anew when that part is another (by Object.is). */
export function useStored<T>(part: (store: GraphStore) => T): T {
  const { store } = useSession();
  return useSyncExternalStore(store.subscribe, () => part(store));
}

/** A part of what is known of the graph's file; the component renders anew when that part is another (by Object.is). */
export function useFile<T>(part: (files: FilesStore) => T): T {
  const { files } = useSession();
  return useSyncExternalStore(files.subscribe, () => part(files));
}

/** The graph as it is now. */
export function useGraph(): GraphView {
  return useStored((store) => store.view);
}

/** A number that is another one after each fold, for what is drawn to follow. */
export function useFolds(): number {
  const { folds } = useSession();
  return useSyncExternalStore(folds.subscribe, () => folds.revision);
}

/** The keys that work wherever the focus is in the graph's panes. */
function Keys({ children }: { children: ReactNode }) {
  const onKeyDown = useKeys();
  return (
    <div className="fl-keys" onKeyDown={onKeyDown}>
      {children}
    </div>
  );
}

/** Edits and refusals, read out by screen readers. The words are a new element each time, or the same would not be heard. */
function Announcer() {
  const words = useStored((store) => store.announcement);
  const times = useStored((store) => store.announced);
  return (
    <div className="fl-hidden" role="status" aria-live="polite">
      <span key={times}>{words}</span>
    </div>
  );
}
