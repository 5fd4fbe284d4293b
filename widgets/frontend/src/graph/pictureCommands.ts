import type { Command } from "./commands";
import type { LoweredWish } from "./pictures";
import type { Session } from "./session";

const covered = ({ store, outer }: Session): boolean => store.readOnly && !outer; // a picture that lies over no graph
const nothingThere = ({ outer, store }: Session): boolean => (outer?.store ?? store).view.nodes.size === 0;

/** The wish for operations or gradients that is open. */
export function loweredWish({ pictures }: Session): LoweredWish | null {
  const wish = pictures.open?.wish;
  return wish && wish.what !== "compare" ? wish : null;
}

/** The nodes of the graph that what is selected in a picture comes from. */
export function originsOf({ store, outer, selectedNodes }: Session): string[] {
  if (!outer) return [];
  const all = [...selectedNodes].flatMap((id) => store.marks.nodes.get(id)?.origins ?? []);
  return [...new Set(all)].filter((id) => outer.store.view.nodes.has(id));
}

/** Leave the picture for a node of the graph. */
export function goTo({ outer }: Session, id: string): void {
  outer?.show(id);
}

function lowered(session: Session, wish: Partial<LoweredWish>): void {
  session.pictures.show({ what: "operations", optimized: false, loss: "", ...loweredWish(session), ...wish });
}

/** Ways to look at a graph in pictures, which only show. */
export const PICTURE_COMMANDS: readonly Command[] = [
  {
    id: "operations",
    title: "Show the operations that the machine runs",
    group: "Look",
    keys: [],
    run: ({ session }) => lowered(session, { what: "operations" }),
    idle: (session) => covered(session) || nothingThere(session),
  },
  {
    id: "gradients",
    title: "Show the gradients of the loss",
    group: "Look",
    keys: [],
    run: ({ session }) => lowered(session, { what: "gradients" }),
    idle: (session) => covered(session) || nothingThere(session),
  },
  {
    id: "optimized",
    title: "Show operations as they are run, or as they are lowered",
    group: "Look",
    keys: [],
    run: ({ session }) => {
      const wish = loweredWish(session);
      if (wish) lowered(session, { optimized: !wish.optimized });
    },
    idle: (session) => loweredWish(session) === null,
  },
  {
    id: "anew",
    title: "Draw this view of the graph anew",
    group: "Look",
    keys: [],
    run: ({ session }) => session.pictures.refresh(),
    idle: ({ pictures }) => pictures.open === null,
  },
  {
    id: "back",
    title: "Go back to the graph",
    group: "Look",
    keys: [],
    run: ({ session }) => session.pictures.close(),
    idle: ({ pictures }) => pictures.open === null,
  },
  {
    id: "origin",
    title: "Go to where the selected operation comes from",
    group: "Look",
    keys: ["G"],
    run: ({ session, focused }) => {
      if (!session.outer) return;
      if (focused !== undefined && session.selectedNodes.size === 0) session.select([focused]);
      const [id] = originsOf(session);
      if (id === undefined) session.store.announce("Nothing selected is in the graph");
      else goTo(session, id);
    },
    idle: (session) => originsOf(session).length === 0,
  },
];

/** Lists to choose a picture from. */
export const PICTURE_MENUS: readonly Command[] = [
  {
    id: "views",
    title: "Look at operations, gradients or changes",
    group: "Look",
    keys: ["V"],
    run: ({ session }) => session.openMenu({ what: "views" }),
    idle: (session) => covered(session) || nothingThere(session),
  },
  {
    id: "compare",
    title: "Compare with another version…",
    group: "Look",
    keys: [],
    run: ({ session }) => session.openMenu({ what: "versions" }),
    idle: covered,
  },
];
