import type { LoweredRequest, PictureIs, Version } from "../wire";
import { Observable } from "./observable";
import type { GraphStore } from "./store";

/** What the machine runs of a graph. */
export type LoweredWish = Pick<LoweredRequest, "what" | "optimized" | "loss">;

/** A picture of the graph: what the machine runs of it, or what has changed since a version. */
export type Wish = LoweredWish | { what: "compare"; version: string };

/** A picture that is open; `answer` is null until Python has drawn it. */
export interface OpenPicture {
  wish: Wish;
  answer: PictureIs | null;
}

/** Where a fold that was made by hand is kept while pictures of one sort are open, by path. */
type Folded = Record<string, boolean>;

/** The picture that lies over a view of the graph, one at a time. */
export class Pictures extends Observable {
  open: OpenPicture | null = null;
  private folded: Folded = {};

  constructor(private readonly store: GraphStore) {
    super();
  }

  /** Ask for a picture, and show it when it is there. The one before stays until then. */
  show(wish: Wish): void {
    const before = this.open;
    if (before?.wish.what !== wish.what) this.folded = {};
    this.open = { wish, answer: before?.answer ?? null };
    const asked = this.open;
    this.store.announce("Drawing…");
    this.changed();
    void this.store.picture(wish).then((answer) => {
      if (this.open !== asked) return;
      this.open = { wish, answer };
      this.changed();
    });
  }

  /** Draw the same anew, of the graph as it is now. */
  refresh(): void {
    if (this.open) this.show({ ...this.open.wish });
  }

  close(): void {
    if (!this.open) return;
    this.open = null;
    this.store.announce("Back at the graph");
    this.changed();
  }

  /** Ask which versions the graph can be compared with. */
  versions(): Promise<Version[]> {
    return this.store.versions();
  }

  /** How scopes of a picture are folded: as it says, but for those that were folded or opened by hand. */
  folds(first: Folded): Folded {
    return { ...first, ...this.folded };
  }

  keepFolds(folded: Folded): void {
    this.folded = folded;
  }
}
