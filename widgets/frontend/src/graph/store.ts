import type { Host } from "../host";
import type {
  Change,
  Code,
  CodeRefused,
  CodeTaken,
  EdgeDoc,
  FeatureInfo,
  Fits,
  Follower,
  GraphEvent,
  GraphState,
  History,
  KindInfo,
  NodeDoc,
  NodeInfo,
  Patched,
  PictureEdge,
  PictureIs,
  PictureNode,
  PortVerdict,
  Problem,
  Rejected,
  Version,
} from "../wire";
import { applyPatch, documentOf, type GraphDoc, PatchError } from "./document";
import { describe } from "./edits";
import { Observable } from "./observable";
import type { Wish } from "./pictures";

/** What the canvas draws: the document with this view's own unanswered edits, and what Python inferred. */
export interface GraphView extends GraphDoc {
  name: string;
  revision: number;
  nodes: ReadonlyMap<string, NodeDoc>;
  edges: readonly EdgeDoc[];
  info: ReadonlyMap<string, NodeInfo>;
  problems: readonly Problem[];
  canUndo: boolean;
  canRedo: boolean;
}

/** Someone who wishes to hear what Python says of the graph's code. */
export interface CodeSide {
  is(code: Code): void;
  taken(message: CodeTaken): void;
  refused(message: CodeRefused): void;
}

/** A port of a node. */
export interface PortEnd {
  node: string;
  port: string;
}

/** What a store needs of a widget's end in the browser. */
export type Link = Pick<Host, "client" | "state" | "send" | "on" | "recall" | "keep">;

/** What a picture says of its nodes, by id, and wires, by `edgeId`. */
export interface Marks {
  nodes: ReadonlyMap<string, PictureNode>;
  edges: ReadonlyMap<string, PictureEdge["sign"]>;
}

interface Pending {
  sequence: number;
  patch: Change[];
}

/**
 * The browser's copy of the graph: one per widget, shared by all views of it.
 *
 * Python owns the graph. Own edits are shown at once and kept aside until Python answers with the `patched` that
 * everyone applies, or a `rejected`; `view` is always the confirmed document with the unanswered edits on top. A gap in
 * the revisions means that messages were lost: the store asks for the document again.
 */
export class GraphStore extends Observable {
  readonly kinds: ReadonlyMap<string, KindInfo>;
  /** What the data hold for inputs of the same names. */
  readonly features: readonly FeatureInfo[];
  view: GraphView;
  /** Why the latest edit was refused; null once it is dismissed or another edit is made. */
  refusal: Problem | null = null;
  /** The latest words for a screen reader. */
  announcement = "";
  /** These run before every edit and undo, so that a view can hand in what it still holds back. */
  readonly beforeEdit = new Set<() => void>();

  /** There are none but in a picture. */
  readonly marks: Marks = { nodes: new Map(), edges: new Map() };

  private confirmed: GraphView;
  private pending: Pending[] = [];
  private sequence = 0;
  private request = 0;
  private readonly asked = new Map<number, (ports: PortVerdict[]) => void>();
  private readonly askedKinds = new Map<number, (kinds: Follower[]) => void>();
  private readonly askedPictures = new Map<number, (answer: PictureIs) => void>();
  private readonly askedVersions = new Map<number, (versions: Version[]) => void>();
  /** The last sequence number before a `sync` that has not been answered yet. */
  private syncedAt: number | null = null;
  private readonly codeSides = new Set<CodeSide>();

  constructor(private readonly host: Link) {
    super();
    this.kinds = new Map(host.state.kinds.map((kind) => [kind.kind, kind]));
    this.features = host.state.features;
    this.confirmed = viewOf(host.state.graph ?? EMPTY);
    this.view = this.confirmed;
    host.on("graph", (message) => this.receive(message));
    this.sync(); // patches may have passed while this page was loading
  }

  /** Whether this is only to be looked at. */
  get readOnly(): boolean {
    return false;
  }

  /**
   * Show a patch at once, and propose it to Python. An empty one is not worth a message. One that `continues` the edit
   * before is undone together with it.
   */
  edit(patch: Change[], continues = false): void {
    if (patch.length === 0) return;
    for (const handIn of this.beforeEdit) handIn();
    const words = describe(this.view, patch);
    const sequence = ++this.sequence;
    this.pending.push({ sequence, patch });
    this.refusal = null;
    this.announcement = words;
    this.host.send("graph", { type: "edit", client: this.host.client, sequence, patch, continues });
    this.rebuild();
  }

  /** Undo or redo one step, or lay the graph out anew, or some of its nodes. */
  history(action: History["action"], nodes: string[] = []): void {
    for (const handIn of this.beforeEdit) handIn();
    this.refusal = null;
    this.announcement = { undo: "Undone", redo: "Redone", tidy: "Tidied" }[action];
    this.host.send("graph", { type: "history", client: this.host.client, sequence: ++this.sequence, action, nodes });
    this.changed();
  }

  /** Ask which input ports could take a wire from an output port. Never answered if the kernel is gone. */
  fits(source: string, sourcePort: string): Promise<PortVerdict[]> {
    const request = ++this.request;
    this.host.send("graph", { type: "fits", request, source, source_port: sourcePort, side: "output" });
    return new Promise((resolve) => this.asked.set(request, resolve));
  }

  /** Ask for the Python of the graph; all who hear of code are told. */
  askCode(): void {
    this.host.send("graph", { type: "code", client: this.host.client });
  }

  /** Propose Python for the graph; the sequence number that the answer will have. */
  editCode(text: string): number {
    for (const handIn of this.beforeEdit) handIn();
    this.host.send("graph", { type: "edit_code", client: this.host.client, sequence: ++this.sequence, text });
    return this.sequence;
  }

  /** Tell `side` what Python says of the code. Returns how to stop. */
  hearCode(side: CodeSide): () => void {
    this.codeSides.add(side);
    return () => this.codeSides.delete(side);
  }

  /** Ask which outputs an input port could take. */
  sources(target: string, targetPort: string): Promise<PortVerdict[]> {
    const request = ++this.request;
    this.host.send("graph", { type: "fits", request, source: target, source_port: targetPort, side: "input" });
    return new Promise((resolve) => this.asked.set(request, resolve));
  }

  /** Ask which kinds of node fit behind an output, before an input, or between the two. */
  followers(source: PortEnd | null, target: PortEnd | null): Promise<Follower[]> {
    const request = ++this.request;
    this.host.send("graph", {
      type: "followers",
      request,
      source: source?.node ?? "",
      source_port: source?.port ?? "",
      target: target?.node ?? "",
      target_port: target?.port ?? "",
    });
    return new Promise((resolve) => this.askedKinds.set(request, resolve));
  }

  /** Ask for a picture of the graph. */
  picture(wish: Wish): Promise<PictureIs> {
    const [request, { client }] = [++this.request, this.host];
    if (wish.what === "compare")
      this.host.send("graph", { type: "compare", client, request, version: wish.version });
    else this.host.send("graph", { type: "lowered", client, request, ...wish });
    return new Promise((resolve) => this.askedPictures.set(request, resolve));
  }

  /** Ask which versions the graph can be compared with. */
  versions(): Promise<Version[]> {
    const [request, { client }] = [++this.request, this.host];
    this.host.send("graph", { type: "versions", client, request });
    return new Promise((resolve) => this.askedVersions.set(request, resolve));
  }

  /** Show why `patch` will be refused, and hear Python on it without showing it: the refusal may come with fixes. */
  refuse(patch: Change[], node: string, port: string, reason: string): void {
    this.refusal = { node, port, message: reason, code: "spec", specs: [], dimension: null, fixes: [] };
    this.announcement = `Refused: ${reason}`;
    this.host.send("graph", { type: "edit", client: this.host.client, sequence: ++this.sequence, patch, continues: false });
    this.changed();
  }

  /** Show in one line why something cannot be done; nothing is sent. */
  complain(message: string): void {
    this.refusal = { node: "", port: null, message, code: "spec", specs: [], dimension: null, fixes: [] };
    this.announce(`Refused: ${message}`);
  }

  /** Say something to a screen reader. */
  announce(words: string): void {
    this.announcement = words;
    this.changed();
  }

  dismissRefusal(): void {
    if (!this.refusal) return;
    this.refusal = null;
    this.changed();
  }

  private receive(message: GraphEvent): void {
    switch (message.type) {
      case "patched":
        return this.receivePatch(message);
      case "rejected":
        return this.receiveRejection(message);
      case "fits":
        return this.receiveFits(message);
      case "code_is":
      case "code_taken":
      case "code_refused":
        return this.receiveCode(message);
      case "followers":
        this.askedKinds.get(message.request)?.(message.kinds);
        this.askedKinds.delete(message.request);
        return;
      case "picture":
        return this.answer(this.askedPictures, message, message);
      case "versions_are":
        return this.answer(this.askedVersions, message, message.versions);
      case "reset":
        this.confirmed = viewOf(message.state);
        this.pending = this.pending.filter(({ sequence }) => sequence > (this.syncedAt ?? 0));
        this.syncedAt = null;
        return this.rebuild();
    }
  }

  private receivePatch(message: Patched): void {
    const mine = message.client === this.host.client;
    if (mine) this.pending = this.pending.filter(({ sequence }) => sequence !== message.sequence);
    if (message.revision > this.confirmed.revision) {
      const next = message.revision === this.confirmed.revision + 1 && patched(this.confirmed, message);
      if (next) this.confirmed = next;
      else this.sync();
    }
    if (!mine && message.client !== "") this.announcement = "Changed in another view";
    this.rebuild();
  }

  private receiveRejection(message: Rejected): void {
    if (message.client !== this.host.client) return;
    this.pending = this.pending.filter(({ sequence }) => sequence !== message.sequence);
    this.refusal = message.problem;
    this.announcement = `Refused: ${message.problem.message}`;
    this.rebuild();
  }

  private receiveCode(message: Code | CodeTaken | CodeRefused): void {
    if (message.client !== this.host.client) return;
    for (const side of this.codeSides) {
      if (message.type === "code_is") side.is(message);
      else if (message.type === "code_taken") side.taken(message);
      else side.refused(message);
    }
  }

  private answer<T>(asked: Map<number, (answer: T) => void>, of: { client: string; request: number }, answer: T): void {
    if (of.client !== this.host.client) return;
    asked.get(of.request)?.(answer);
    asked.delete(of.request);
  }

  private receiveFits(message: Fits): void {
    this.asked.get(message.request)?.(message.ports);
    this.asked.delete(message.request);
  }

  private sync(): void {
    if (this.syncedAt !== null) return;
    this.syncedAt = this.sequence;
    this.host.send("graph", { type: "sync" });
  }

  /** Put the unanswered edits on top of the confirmed document. One that no longer applies waits for its rejection. */
  private rebuild(): void {
    let doc: GraphDoc = this.confirmed;
    for (const { patch } of this.pending) doc = applied(doc, patch) ?? doc;
    this.view = doc === this.confirmed ? this.confirmed : { ...this.confirmed, nodes: doc.nodes, edges: doc.edges };
    this.changed();
  }
}

const EMPTY: GraphState = {
  name: "",
  revision: 0,
  nodes: [],
  edges: [],
  info: [],
  problems: [],
  can_undo: false,
  can_redo: false,
};

function viewOf(state: GraphState): GraphView {
  return {
    ...documentOf(state.nodes, state.edges),
    name: state.name,
    revision: state.revision,
    info: new Map(state.info.map((info) => [info.id, info])),
    problems: state.problems,
    canUndo: state.can_undo,
    canRedo: state.can_redo,
  };
}

/** The view after a confirmed patch; null if it does not apply, which means that the two sides have drifted. */
function patched(view: GraphView, message: Patched): GraphView | null {
  const doc = applied(view, message.patch);
  if (!doc) return null;
  const info = new Map(view.info);
  for (const changed of message.info) info.set(changed.id, changed);
  for (const id of info.keys()) if (!doc.nodes.has(id)) info.delete(id);
  return {
    name: view.name,
    revision: message.revision,
    nodes: doc.nodes,
    edges: doc.edges,
    info,
    problems: message.problems,
    canUndo: message.can_undo,
    canRedo: message.can_redo,
  };
}

function applied(doc: GraphDoc, patch: readonly Change[]): GraphDoc | null {
  try {
    return applyPatch(doc, patch);
  } catch (error) {
    if (error instanceof PatchError) return null;
    throw error;
  }
}

const stores = new WeakMap<Host, GraphStore>();

/** The one graph store of a widget. */
export function graphStoreOf(host: Host): GraphStore {
  let store = stores.get(host);
  if (!store) stores.set(host, (store = new GraphStore(host)));
  return store;
}
