import { conforms } from "../conforms";
import type { Host, Link } from "../host";
import { GRAPH_EVENT } from "../shapes";
import type {
  Change,
  Code,
  CodeRefused,
  CodeTaken,
  CompareRequest,
  EdgeDoc,
  FeatureInfo,
  FitsRequest,
  Follower,
  FollowersRequest,
  GraphEvent,
  GraphRequest,
  GraphState,
  History,
  KindInfo,
  LoweredRequest,
  NodeDoc,
  NodeInfo,
  Patched,
  PictureEdge,
  PictureIs,
  PictureNode,
  PortVerdict,
  Problem,
  Rejected,
  Synced,
  Version,
  VersionsRequest,
} from "../wire";
import { applyPatch, documentOf, type GraphDoc, PatchError } from "./document";
import { describe } from "./edits";
import { Observable } from "./observable";
import { Patience } from "./patience";
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

/** What a picture says of its nodes, by id, and wires, by `edgeId`. */
export interface Marks {
  nodes: ReadonlyMap<string, PictureNode>;
  edges: ReadonlyMap<string, PictureEdge["sign"]>;
}

/** Something that Python is to do. Its patch is shown until Python has answered. */
interface Pending {
  sequence: number;
  request: GraphRequest;
  patch: readonly Change[];
}

/** Something that Python was asked, and who waits for the answer. */
interface Question {
  asked: FitsRequest | FollowersRequest | LoweredRequest | CompareRequest | VersionsRequest;
  answer: (found: never) => void;
}

/**
 * The browser's copy of the graph: one per widget, shared by all views of it.
 *
 * Python owns the graph. Own edits are shown at once and kept aside until Python answers with the `patched` that
 * everyone applies, or a `rejected`; `view` is always the confirmed document with the unanswered edits on top.
 *
 * Messages may be lost, doubled, late or damaged. A gap in the revisions, a message that is none, an answer that does
 * not come and a page that was away make the store ask where Python stands (`sync`): it gets the document if it has
 * missed something, forgets the wishes that were dealt with, and sends the others again. Python does each once.
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
  /** Counts them, since the same words may be said again. */
  announced = 0;
  /** These run before every edit, undo and layout, so that a view can hand in what it still holds back. */
  readonly beforeEdit = new Set<() => void>();

  /** There are none but in a picture. */
  readonly marks: Marks = { nodes: new Map(), edges: new Map() };

  private confirmed: GraphView;
  /** What Python has not answered yet, in order. */
  private waiting: Pending[] = [];
  private sequence = 0;
  /** Counts the questions. It begins anywhere, so that no two pages take each other's answers. */
  private request = Math.floor(Math.random() * 2 ** 32);
  private readonly questions = new Map<number, Question>();
  /** The `sync` that has not been answered yet: its request, and the last numbers that were given before it. */
  private syncing: { request: number; sequence: number } | null = null;
  /** The newest revision that was heard of while it could not be shown. */
  private missed = 0;
  private readonly patience = new Patience(() => this.sync(true));
  private readonly codeSides = new Set<CodeSide>();

  constructor(private readonly host: Link) {
    super();
    this.kinds = new Map(host.state.kinds.map((kind) => [kind.kind, kind]));
    this.features = host.state.features;
    this.confirmed = viewOf(host.state.graph ?? EMPTY);
    this.view = this.confirmed;
    host.on("graph", (message) => this.receive(message));
    host.onReturn(() => this.sync());
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
    this.handIn();
    const words = describe(this.view, patch);
    this.refusal = null;
    this.say(words);
    this.wish({ type: "edit", ...this.numbered(), patch, continues }, patch);
    this.rebuild();
  }

  /** How many of the changes that are shown Python has not answered yet. */
  get unanswered(): number {
    return this.waiting.length;
  }

  /** Have the views hand in what they still hold back. */
  handIn(): void {
    for (const handIn of this.beforeEdit) handIn();
  }

  /** Undo or redo one step. */
  history(action: History["action"]): void {
    this.handIn();
    this.refusal = null;
    this.say({ undo: "Undone", redo: "Redone" }[action]);
    this.wish({ type: "history", ...this.numbered(), action });
    this.changed();
  }

  /** Ask which input ports could take a wire from an output port. Never answered if the kernel is gone. */
  fits(source: string, sourcePort: string): Promise<PortVerdict[]> {
    return this.ask({ type: "fits", request: ++this.request, source, source_port: sourcePort, side: "output" });
  }

  /** Ask for the Python of the graph; all who hear of code are told. */
  askCode(): void {
    this.host.send("graph", { type: "code", client: this.host.client });
  }

  /** Propose Python for the graph; the sequence number that the answer will have. */
  editCode(text: string): number {
    this.handIn();
    this.wish({ type: "edit_code", ...this.numbered(), text });
    return this.sequence;
  }

  /** Tell `side` what Python says of the code. Returns how to stop. */
  hearCode(side: CodeSide): () => void {
    this.codeSides.add(side);
    return () => this.codeSides.delete(side);
  }

  /** Ask which outputs an input port could take. */
  sources(target: string, targetPort: string): Promise<PortVerdict[]> {
    const end = { source: target, source_port: targetPort };
    return this.ask({ type: "fits", request: ++this.request, ...end, side: "input" });
  }

  /** Ask which kinds of node fit behind an output, before an input, or between the two. */
  followers(source: PortEnd | null, target: PortEnd | null): Promise<Follower[]> {
    return this.ask({
      type: "followers",
      request: ++this.request,
      source: source?.node ?? "",
      source_port: source?.port ?? "",
      target: target?.node ?? "",
      target_port: target?.port ?? "",
    });
  }

  /** Ask for a picture of the graph. */
  picture(wish: Wish): Promise<PictureIs> {
    const [request, { client }] = [++this.request, this.host];
    if (wish.what === "compare") return this.ask({ type: "compare", client, request, version: wish.version });
    return this.ask({ type: "lowered", client, request, ...wish });
  }

  /** Ask which versions the graph can be compared with. */
  versions(): Promise<Version[]> {
    return this.ask({ type: "versions", client: this.host.client, request: ++this.request });
  }

  /** Show why `patch` will be refused, and hear Python on it without showing it: the refusal may come with fixes. */
  refuse(patch: Change[], node: string, port: string, reason: string): void {
    this.refusal = { node, port, message: reason, code: "spec", specs: [], dimension: null, fixes: [] };
    this.say(`Refused: ${reason}`);
    this.wish({ type: "edit", ...this.numbered(), patch, continues: false });
    this.changed();
  }

  /** Show in one line why something cannot be done; nothing is sent. */
  complain(message: string): void {
    this.refusal = { node: "", port: null, message, code: "spec", specs: [], dimension: null, fixes: [] };
    this.announce(`Refused: ${message}`);
  }

  /** Say something to a screen reader. */
  announce(words: string): void {
    this.say(words);
    this.changed();
  }

  dismissRefusal(): void {
    if (!this.refusal) return;
    this.refusal = null;
    this.changed();
  }

  private say(words: string): void {
    this.announcement = words;
    this.announced++;
  }

  private numbered(): { client: string; sequence: number } {
    return { client: this.host.client, sequence: ++this.sequence };
  }

  private wish(request: Pending["request"] & { sequence: number }, patch: readonly Change[] = []): void {
    this.waiting.push({ sequence: request.sequence, request, patch });
    this.send(request);
  }

  private ask<Found>(asked: Question["asked"]): Promise<Found> {
    return new Promise((answer) => {
      this.questions.set(asked.request, { asked, answer });
      this.send(asked);
    });
  }

  private send(request: GraphRequest): void {
    if (this.host.send("graph", request)) this.patience.begin();
    else this.patience.end(); // the comm is gone for good
  }

  private receive(message: GraphEvent): void {
    if (!conforms(message, GRAPH_EVENT)) return this.sync(); // what it was to say is lost
    this.take(message);
    if (this.syncing === null && this.waiting.length === 0 && this.questions.size === 0) this.patience.end();
  }

  private take(message: GraphEvent): void {
    switch (message.type) {
      case "patched":
        return this.receivePatch(message);
      case "rejected":
        return this.receiveRejection(message);
      case "fits":
        return this.receiveAnswer(message.request, message.ports);
      case "followers":
        return this.receiveAnswer(message.request, message.kinds);
      case "picture":
        return this.receiveAnswer(message.request, message);
      case "versions_are":
        return this.receiveAnswer(message.request, message.versions);
      case "code_is":
      case "code_taken":
      case "code_refused":
        return this.receiveCode(message);
      case "synced":
        return this.receiveSynced(message);
    }
  }

  private receivePatch(message: Patched): void {
    const { revision } = message;
    const mine = message.client === this.host.client;
    if (revision > this.confirmed.revision) {
      const next = revision === this.confirmed.revision + 1 && patched(this.confirmed, message);
      if (!next) return this.lacks(revision);
      this.confirmed = next;
    }
    if (mine) this.forget(({ sequence, request }) => sequence === message.sequence && request.type !== "edit_code");
    if (!mine && message.client !== "") this.say("Changed in another view");
    this.rebuild();
  }

  private receiveRejection(message: Rejected): void {
    if (message.client !== this.host.client) return;
    if (message.revision > this.confirmed.revision) this.lacks(message.revision);
    if (!this.forget(({ sequence }) => sequence === message.sequence)) return;
    this.refusal = message.problem;
    this.say(`Refused: ${message.problem.message}`);
    this.rebuild();
  }

  private receiveCode(message: Code | CodeTaken | CodeRefused): void {
    if (message.client !== this.host.client) return;
    if (message.type !== "code_refused" && message.revision > this.confirmed.revision) this.lacks(message.revision);
    if (message.type !== "code_is") this.forget(({ sequence }) => sequence === message.sequence);
    for (const side of this.codeSides) {
      if (message.type === "code_is") side.is(message);
      else if (message.type === "code_taken") side.taken(message);
      else side.refused(message);
    }
  }

  private receiveAnswer(request: number, found: unknown): void {
    this.questions.get(request)?.answer(found as never);
    this.questions.delete(request);
  }

  /** Python has said where it stands. What it has dealt with is in its document; what it has not came never to it. */
  private receiveSynced(message: Synced): void {
    if (message.client !== this.host.client) return;
    const { revision, state } = message;
    if (message.request === 0) return this.sync();
    if (message.request !== this.syncing?.request) return;
    const before = this.syncing;
    this.syncing = null;
    if (state !== null && state.revision >= this.confirmed.revision) this.confirmed = viewOf(state);
    for (const answer of message.answers) this.take(answer);
    if (revision <= this.confirmed.revision) this.forget(({ sequence }) => sequence <= message.sequence);
    for (const { sequence, request } of this.waiting)
      if (sequence > message.sequence && sequence <= before.sequence) this.send(request);
    for (const [request, { asked }] of this.questions) if (request < before.request) this.send(asked);
    const missed = Math.max(this.missed, revision);
    this.missed = 0;
    this.rebuild();
    if (missed > this.confirmed.revision) this.sync();
  }

  /** Take wishes from those that wait. Whether there were such. */
  private forget(answered: (wish: Pending) => boolean): boolean {
    const left = this.waiting.filter((wish) => !answered(wish));
    const some = left.length < this.waiting.length;
    this.waiting = left;
    return some;
  }

  private lacks(revision: number): void {
    this.missed = Math.max(this.missed, revision);
    this.sync();
  }

  /** Ask where Python stands, unless that is asked already; `again` if the answer is long in coming. */
  private sync(again = false): void {
    if (this.syncing !== null && !again) return;
    const request = ++this.request;
    this.syncing = { request, sequence: this.sequence };
    const sequence = (this.waiting[0]?.sequence ?? this.sequence + 1) - 1;
    this.send({ type: "sync", client: this.host.client, request, sequence, revision: this.confirmed.revision });
  }

  /** Put the unanswered edits on top of the confirmed document. One that no longer applies waits for its rejection. */
  private rebuild(): void {
    let doc: GraphDoc = this.confirmed;
    for (const { patch } of this.waiting) doc = applied(doc, patch) ?? doc;
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
  const nodes = message.order.length > 0 ? ordered(doc.nodes, message.order) : doc.nodes;
  if (!nodes) return null;
  const info = new Map(view.info);
  for (const changed of message.info) info.set(changed.id, changed);
  for (const id of info.keys()) if (!doc.nodes.has(id)) info.delete(id);
  return {
    name: message.patch.reduce((name, change) => (change.op === "describe" ? change.name : name), view.name),
    revision: message.revision,
    nodes,
    edges: doc.edges,
    info,
    problems: message.problems,
    canUndo: message.can_undo,
    canRedo: message.can_redo,
  };
}

/** The nodes in this order; null if it does not name each of them once. */
function ordered(nodes: ReadonlyMap<string, NodeDoc>, order: readonly string[]): ReadonlyMap<string, NodeDoc> | null {
  const found = new Map(order.flatMap((id) => (nodes.has(id) ? [[id, nodes.get(id)!] as const] : [])));
  return found.size === nodes.size && order.length === nodes.size ? found : null;
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
