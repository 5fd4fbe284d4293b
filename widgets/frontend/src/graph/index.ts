/** The panes of the graph editor, for layouts to compose inside a `GraphProvider`. */
export { Canvas } from "./Canvas";
export { FixButtons } from "./FixButtons";
export { GraphProvider, useSelected, useSession, useStored } from "./GraphProvider";
export { Inspector } from "./Inspector";
export { Palette } from "./Palette";
export { ProblemList } from "./ProblemList";
