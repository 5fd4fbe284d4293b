import type { FilesReply, FilesRequest, GraphEvent, GraphRequest, RunReply, RunRequest, WidgetState } from "./wire";

/** What the front end uses of an anywidget model. */
export interface Model {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  send(content: unknown, callbacks?: undefined, buffers?: ArrayBuffer[]): void;
  on(name: "msg:custom", handler: (content: unknown, buffers: DataView[]) => void): void;
  on(name: "change:_state", handler: () => void): void;
}

export type Part = "graph" | "run" | "files";
type Request = { graph: GraphRequest; run: RunRequest; files: FilesRequest };
type Reply = { graph: GraphEvent; run: RunReply; files: FilesReply };
type Handler<P extends Part> = (message: Reply[P], buffers: DataView[]) => void;

/** How long the kernel may take to answer before a view says so, in milliseconds. */
const PATIENCE = 5000;

/**
 * The browser's end of one widget: its first picture, and messages both ways.
 *
 * There is one per widget model, however many views show it. `silent` is true while the kernel owes an answer for
 * longer than `PATIENCE` or cannot be reached at all; any message from it ends that.
 */
export class Host {
  readonly client = randomId();
  readonly state: WidgetState;
  silent = false;
  private readonly handlers: { [P in Part]: Set<Handler<P>> } = {
    graph: new Set(),
    run: new Set(),
    files: new Set(),
  };
  private readonly silenceListeners = new Set<() => void>();
  private readonly returnListeners = new Set<() => void>();
  private readonly listening = new AbortController();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly model: Model) {
    this.state = model.get("_state") as WidgetState;
    model.on("msg:custom", (content, buffers) => this.receive(content, buffers));
    model.on("change:_state", () => this.returned()); // JupyterLab asks for all state anew when it is connected again
    const { signal } = this.listening;
    for (const event of ["focus", "online"])
      globalThis.addEventListener?.(event, () => this.returned(), { signal }); // there is none in the tests' Node
  }

  /** Listen to the page no more: the widget is gone. */
  close(): void {
    this.listening.abort();
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  /**
   * Send a request to the kernel. All but `points` are answered, so a timer starts for them.
   *
   * False if the comm is gone: the kernel was restarted or shut down.
   */
  send<P extends Part>(part: P, message: Request[P], buffers: ArrayBuffer[] = []): boolean {
    try {
      this.model.send({ part, message }, undefined, buffers);
    } catch {
      this.setSilent(true);
      return false;
    }
    if (message.type !== "points") this.expectReply();
    return true;
  }

  /** Call `listener` when messages may have been missed: the page was away, or the connection was. */
  onReturn(listener: () => void): void {
    this.returnListeners.add(listener);
  }

  /** Call `handler` for every message to a part. Returns how to stop. */
  on<P extends Part>(part: P, handler: Handler<P>): () => void {
    this.handlers[part].add(handler);
    return () => this.handlers[part].delete(handler);
  }

  /** What `keep` has kept under a name, also before the page was loaded. */
  recall<T>(name: string): T | undefined {
    return this.model.get(name) as T | undefined;
  }

  /** Have the kernel keep how something is viewed. Nothing answers, and nothing is lost if it cannot. */
  keep(name: string, value: unknown): void {
    try {
      this.model.set(name, value);
      this.model.save_changes();
    } catch {
      // the comm is gone: then it lasts as long as the page
    }
  }

  /** Call `listener` when `silent` changes. Returns how to stop. */
  readonly subscribeSilent = (listener: () => void): (() => void) => {
    this.silenceListeners.add(listener);
    return () => this.silenceListeners.delete(listener);
  };

  private expectReply(): void {
    this.timer ??= setTimeout(() => this.setSilent(true), PATIENCE);
  }

  private replied(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.setSilent(false);
  }

  private receive(content: unknown, buffers: DataView[]): void {
    const { part, message } = (content ?? {}) as { part: Part; message: GraphEvent & RunReply & FilesReply };
    if (!Object.hasOwn(this.handlers, part)) return; // anywidget's own messages come this way too
    this.replied();
    for (const handler of this.handlers[part]) handler(message, buffers);
  }

  private returned(): void {
    for (const listener of this.returnListeners) listener();
  }

  private setSilent(silent: boolean): void {
    if (silent === this.silent) return;
    this.silent = silent;
    for (const listener of this.silenceListeners) listener();
  }
}

/** What a store needs of a widget's end in the browser. */
export type Link = Pick<Host, "client" | "state" | "send" | "on" | "onReturn" | "recall" | "keep">;

/** Eight random letters and digits. */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return Array.from(bytes, (byte) => (byte % 36).toString(36)).join("");
}
