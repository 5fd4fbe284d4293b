import type { Command } from "../graph/commands";
import type { Session } from "../graph/session";
import { recover, save } from "./actions";
import { exportDrawing } from "./exporting";

const isEmpty = ({ store }: Session): boolean => store.view.nodes.size === 0;
const nothingLeft = ({ files }: Session): boolean => files.state.unsaved === null;

/** What can be done with files, in the order in which people see it. */
export const FILE_COMMANDS: readonly Command[] = [
  {
    id: "save",
    title: "Save",
    group: "File",
    keys: ["Ctrl+S"],
    everywhere: true,
    run: ({ session }) => void save(session),
  },
  {
    id: "saveAs",
    title: "Save as…",
    group: "File",
    keys: ["Ctrl+Shift+S"],
    everywhere: true,
    run: ({ session }) => session.openMenu({ what: "save-as" }),
  },
  {
    id: "open",
    title: "Open a file…",
    group: "File",
    keys: ["Ctrl+O"],
    everywhere: true,
    run: ({ session }) => session.openMenu({ what: "open" }),
  },
  {
    id: "exportSvg",
    title: "Export as SVG",
    group: "File",
    keys: [],
    run: ({ session, editor }) => void exportDrawing(session, editor, "svg"),
    idle: isEmpty,
  },
  {
    id: "exportPng",
    title: "Export as PNG",
    group: "File",
    keys: [],
    run: ({ session, editor }) => void exportDrawing(session, editor, "png"),
    idle: isEmpty,
  },
  {
    id: "restore",
    title: "Restore unsaved work",
    group: "File",
    keys: [],
    passing: true,
    run: ({ session }) => void recover(session, "restore"),
    idle: nothingLeft,
  },
  {
    id: "discard",
    title: "Discard unsaved work",
    group: "File",
    keys: [],
    passing: true,
    run: ({ session }) => void recover(session, "discard"),
    idle: nothingLeft,
  },
];
