/** A file to open: one beside the notebook, or one that the browser has. */
export interface Source {
  name: string;
  file: Blob | null;
}

/** What is asked about files, one thing at a time. */
export type FilesMenu =
  | { what: "file" }
  | { what: "open" }
  | { what: "save-as" }
  /** Whether a file takes the place of what is on the canvas, or comes beside it. */
  | { what: "place"; source: Source }
  /** Whether a file that is there is to be replaced. */
  | { what: "replace"; name: string; why: string };

export function isFilesMenu(menu: { what: string }): menu is FilesMenu {
  return ["file", "open", "save-as", "place", "replace"].includes(menu.what);
}
