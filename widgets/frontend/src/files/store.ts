import { Observable } from "../graph/observable";
import type { Host, Link } from "../host";
import type { FileDone, FileInfo, FileRefused, FilesReply, FilesRequest, FilesState } from "../wire";

/** The most that goes through the browser, in bytes, and in one message: a server takes 10 MB at most. */
export const MOST_BYTES = 256 << 20;
const PIECE = 1 << 20;

/** The message of what was given up by hand. */
export const CANCELLED = "Cancelled";

type Answer = Exclude<FilesReply, { type: "state" }>;

/** What happened to a request in the end. */
export type Outcome = FileDone | FileRefused;

type Asked = FilesRequest extends infer R ? (R extends FilesRequest ? Omit<R, "client" | "sequence"> : never) : never;

/** The browser's end of the files part: where the graph is saved, and what is asked of its file. One per widget. */
export class FilesStore extends Observable {
  state: FilesState;
  /** What goes on and takes a while; null if nothing does. */
  busy: string | null = null;
  /** Whether a file is on its way, which can be given up. */
  sending = false;
  /** What was done last, until the next thing happens to the graph's file. */
  note: string | null = null;
  /** Why work cannot be kept by itself. */
  warning: string | null = null;

  /** Negative, as the edits of the graph part count upwards under the same client. */
  private sequence = 0;
  private readonly waiting = new Map<number, { answered: (answer: Answer) => void; whole: boolean }>();

  constructor(private readonly host: Link) {
    super();
    this.state = host.state.files ?? { folder: "", name: "", changed: false, unsaved: null };
    host.on("files", (message) => this.receive(message));
  }

  /** Save the graph: under its own name if that is "", and over a file that is not its own only on `replace`. */
  async save(name: string, replace: boolean): Promise<Outcome> {
    return this.ended(await this.ask({ type: "save", name, replace }));
  }

  /** The files beside the notebook; in one line why they are not known. */
  async list(): Promise<readonly FileInfo[] | string> {
    const answer = await this.ask({ type: "list" });
    if (answer.type === "files") return answer.files;
    return answer.type === "refused" ? answer.message : "";
  }

  /** Open a file beside the notebook. */
  open(name: string, insert: boolean): Promise<Outcome> {
    return this.during(`Opening ${name}`, async () => this.ended(await this.ask({ type: "open", name, insert }, [], true)));
  }

  /** Send a file to the kernel, piece by piece, and have it opened. */
  send(name: string, file: Blob, insert: boolean): Promise<Outcome> {
    return this.during(`Opening ${name}`, async () => {
      let start = 0;
      for (;;) {
        const piece = await file.slice(start, start + PIECE).arrayBuffer().catch(() => null);
        if (piece === null) return this.refusal(`${name} cannot be read`);
        const message = { type: "send", name, size: file.size, start, insert } as const;
        const last = start + piece.byteLength >= file.size;
        if (start > 0 && !this.sending) return this.refusal(CANCELLED);
        this.sending = !last;
        const answer = await this.ask(message, [piece], last);
        if (answer.type !== "go_on") return this.ended(answer);
        start = answer.start;
        if (this.sending) this.say({ busy: `Opening ${name}, ${Math.floor((100 * start) / file.size)} % sent` });
      }
    });
  }

  /** Send no more of a file. */
  cancel(): void {
    this.say({ busy: null, sending: false });
  }

  async recover(action: "restore" | "discard"): Promise<Outcome> {
    return this.ended(await this.ask({ type: "recover", action }));
  }

  /** The note, and then the warning, have been seen. */
  dismiss(): void {
    if (this.note !== null) this.say({ note: null });
    else if (this.warning !== null) this.say({ warning: null });
  }

  say(what: { busy?: string | null; sending?: boolean; note?: string | null; warning?: string | null }): void {
    Object.assign(this, what);
    this.changed();
  }

  private async during(what: string, action: () => Promise<Outcome>): Promise<Outcome> {
    this.say({ busy: what, note: null });
    try {
      return await action();
    } finally {
      this.say({ busy: null, sending: false });
    }
  }

  private ended(answer: Answer): Outcome {
    if (answer.type === "done" || answer.type === "refused") return answer;
    return this.refusal("The kernel gave another answer");
  }

  private refusal(message: string): FileRefused {
    return { type: "refused", client: this.host.client, sequence: 0, message, exists: false };
  }

  /** Ask for something. `whole`: what says only that it has begun is no answer. */
  private ask(message: Asked, buffers: ArrayBuffer[] = [], whole = false): Promise<Answer> {
    const { client } = this.host;
    const sequence = --this.sequence;
    return new Promise((resolve) => {
      this.waiting.set(sequence, { answered: resolve, whole });
      if (this.host.send("files", { ...message, client, sequence } as FilesRequest, buffers)) return;
      this.waiting.delete(sequence);
      resolve(this.refusal("The kernel cannot be reached"));
    });
  }

  private receive(message: FilesReply): void {
    if (message.type === "state") {
      this.state = message.state;
      if (message.state.changed) this.note = null;
      return this.changed();
    }
    if (message.client === "" && message.type === "refused") return this.say({ warning: message.message });
    if (message.client !== this.host.client) return;
    const waiting = this.waiting.get(message.sequence);
    if (!waiting || (waiting.whole && message.type === "go_on")) return;
    this.waiting.delete(message.sequence);
    waiting.answered(message);
  }
}

const stores = new WeakMap<Host, FilesStore>();

/** The one files store of a widget. */
export function filesOf(host: Host): FilesStore {
  let store = stores.get(host);
  if (!store) stores.set(host, (store = new FilesStore(host)));
  return store;
}
