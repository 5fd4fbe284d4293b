import { FilesStore } from "../files/store";
import type { Link } from "../host";
import type { Picture, WidgetState } from "../wire";
import { Blocks } from "./blocks";
import { Folds } from "./folds";
import type { Pictures } from "./pictures";
import { Session } from "./session";
import { GraphStore, type Marks } from "./store";

/** A picture in the place of the graph: all that looks at a graph can look at it, and nothing changes it. */
export class PictureStore extends GraphStore {
  override readonly marks: Marks;

  constructor(
    link: Link,
    picture: Picture,
  ) {
    super(link);
    this.marks = {
      nodes: new Map(picture.nodes.map((node) => [node.id, node])),
      edges: new Map(picture.edges.map(({ target, target_port, sign }) => [`${target}:${target_port}`, sign])),
    };
  }

  override get readOnly(): boolean {
    return true;
  }

  override edit(): void {
    this.announce("Nothing can be changed in this view");
  }

  override history(): void {
    this.edit();
  }

  override refuse(): void {
    this.edit();
  }
}

/** A session that looks at a picture. `outer` is that of the graph that it lies over, if it lies over one. */
export function pictureSession(picture: Picture, state: WidgetState, outer: Session | null): Session {
  const pictures = outer?.pictures ?? null;
  const link = stillLink(picture, state, pictures);
  const store = new PictureStore(link, picture);
  const blocks = outer?.blocks ?? new Blocks(link);
  return new Session(store, new Folds(link, store), blocks, outer?.files ?? new FilesStore(link), outer);
}

/** No kernel hears of what is done in a picture; folds last as long as it is open. */
function stillLink(picture: Picture, state: WidgetState, pictures: Pictures | null): Link {
  return {
    client: "",
    state: { ...state, kinds: [...state.kinds, ...picture.kinds], features: [], graph: picture.state },
    send: () => false,
    on: () => () => {},
    onReturn: () => {},
    recall: <T>() => (pictures?.folds(picture.folds) ?? picture.folds) as T,
    keep: (_, folded) => pictures?.keepFolds(folded as Record<string, boolean>),
  };
}
