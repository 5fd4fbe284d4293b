import { Observable } from "../graph/observable";
import type { CodeSide } from "../graph/store";
import type { Code, CodeRefused, CodeTaken, NodeLines } from "../wire";

/** How long after a change of the graph its code is asked for, and after a key the text is proposed, in milliseconds. */
const ASK_AFTER = 200;
const PROPOSE_AFTER = 500;

/** What the pane needs of the graph: its revision, and the ways to ask for code and to propose it. */
export interface CodeStore {
  readonly view: { readonly revision: number };
  subscribe(listener: () => void): () => void;
  hearCode(side: CodeSide): () => void;
  askCode(): void;
  editCode(text: string): number;
  announce(words: string): void;
}

/** What is wrong with the text, and where, counted from 1. */
export interface Mistake {
  message: string;
  line: number | null;
  column: number | null;
}

/** A text to be shown in place of the one that is, and the lines of its nodes. */
export interface Shown {
  text: string;
  lines: readonly NodeLines[];
}

/**
 * The text of one code pane, in step with the graph.
 *
 * It follows the graph until someone types. Then it is proposed, and is the graph's once Python has taken it; it stays
 * as it was typed until the pane is left or the graph changes otherwise. What others change meanwhile is not lost: the
 * person chooses between the two.
 */
export class CodeText extends Observable implements CodeSide {
  /** What the editor is to show; another object each time that the text does not come from the editor itself. */
  shown: Shown | null = null;
  /** Why the graph has no code now; "" while it has. */
  absence = "";
  mistake: Mistake | null = null;
  /** Whether the text has edits that the graph has not. */
  edited = false;
  /** Whether the graph has changed while the text was being edited. */
  overtaken = false;
  /** Another number after each change. */
  version = 0;

  private text = "";
  /** Where the nodes stand in the text that was taken last. */
  private latest: Code | null = null;
  /** The revision that the code is known of. */
  private known = -1;
  private takenAt = -1;
  private proposed: { sequence: number; text: string } | null = null;
  private focused = false;
  private asking: ReturnType<typeof setTimeout> | undefined;
  private proposing: ReturnType<typeof setTimeout> | undefined;
  private isOpen = false;

  constructor(private readonly store: CodeStore) {
    super();
  }

  /** Hear what Python says. Returns how to stop. */
  readonly attach = (): (() => void) => {
    const stops = [this.store.hearCode(this), this.store.subscribe(() => this.follow())];
    return () => {
      for (const stop of stops) stop();
      clearTimeout(this.asking);
      clearTimeout(this.proposing);
      this.asking = undefined;
    };
  };

  /** The pane is to be seen, or is not: then nothing is asked for. */
  open(open: boolean): void {
    this.isOpen = open;
    this.follow();
  }

  /** The person has changed the text. */
  type(text: string): void {
    if (text === this.text) return;
    this.text = text;
    this.edited = true;
    clearTimeout(this.proposing);
    if (!this.overtaken) this.proposing = setTimeout(() => this.propose(), PROPOSE_AFTER);
    this.changed();
  }

  /** Propose the text to Python at once, over what others have changed. */
  propose(): void {
    clearTimeout(this.proposing);
    if (!this.edited || this.proposed?.text === this.text) return;
    this.overtaken = false;
    this.proposed = { sequence: this.store.editCode(this.text), text: this.text };
    this.changed();
  }

  /** Give the edits up: show the graph's own code. */
  discard(): void {
    clearTimeout(this.proposing);
    this.proposed = null;
    this.show(this.latest!);
  }

  focus(focused: boolean): void {
    this.focused = focused;
    if (focused) return;
    if (this.edited && !this.overtaken && !this.mistake) this.propose();
    if (!this.edited && this.latest && this.latest.text !== this.text) this.show(this.latest);
  }

  // ---------------------------------------------------------------- what Python says

  is(code: Code): void {
    this.known = Math.max(this.known, code.revision);
    this.absence = code.text === null ? code.message : "";
    if (code.text === null) return this.changed();
    const same = code.text === this.latest?.text;
    const own = code.revision === this.takenAt && !this.edited;
    this.latest = code;
    if (this.edited && this.proposed === null) {
      this.overtaken ||= !same && code.revision !== this.takenAt;
      if (this.overtaken) clearTimeout(this.proposing);
    } else if (!this.edited && !same && !(own && this.focused)) return this.show(code);
    this.changed();
  }

  taken({ sequence, revision, changes, lines }: CodeTaken): void {
    if (sequence !== this.proposed?.sequence) return;
    const { text } = this.proposed;
    this.proposed = null;
    this.mistake = null;
    this.takenAt = revision;
    if (text === this.text) {
      this.edited = false;
      this.shown = { text, lines };
    }
    if (changes > 0) this.store.announce("The graph follows the code");
    this.store.askCode();
    this.changed();
  }

  refused({ sequence, message, line, column }: CodeRefused): void {
    if (sequence !== this.proposed?.sequence) return;
    const { text } = this.proposed;
    this.proposed = null;
    if (text !== this.text) return;
    this.mistake = { message, line, column };
    this.store.announce(`${line === null ? "The code cannot be read" : `Line ${line}`}: ${message}`);
    this.changed();
  }

  protected override changed(): void {
    this.version++;
    super.changed();
  }

  private follow(): void {
    if (!this.isOpen || this.store.view.revision <= this.known || this.asking !== undefined) return;
    const ask = () => {
      this.asking = undefined;
      if (this.store.view.revision > this.known && this.proposed === null) this.store.askCode();
    };
    if (this.latest === null) ask();
    else this.asking = setTimeout(ask, ASK_AFTER);
  }

  private show(code: Code): void {
    this.text = code.text!;
    this.shown = { text: code.text!, lines: code.lines };
    this.edited = this.overtaken = false;
    this.mistake = null;
    this.changed();
  }
}
