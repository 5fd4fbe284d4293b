import type { Source } from "./menus";

/** What JupyterLab's own file browser says of what is dragged from it. */
export const PATHS = "application/x-jupyter-icontents";
const CONTENTS = "application/x-jupyter-icontentsrich";

interface MimeData {
  hasData(mime: string): boolean;
  getData(mime: string): unknown;
}

interface Contents {
  name: string;
  format: "text" | "base64" | "json" | null;
  content: unknown;
}

/** A drag from the desktop has `dataTransfer`, one inside JupyterLab `mimeData`. */
export interface Dragged extends Event {
  dataTransfer?: DataTransfer | null;
  mimeData?: MimeData;
  dropAction?: string;
  proposedAction?: string;
}

/** The one file that was dropped. Throws an Error in one line if there is none, or more. */
export async function draggedFile({ dataTransfer, mimeData }: Dragged): Promise<Source> {
  if (dataTransfer) {
    const [file, more] = dataTransfer.files;
    if (!file || more) throw new Error("One file is opened at a time");
    return { name: file.name, file };
  }
  const paths = mimeData?.getData(PATHS);
  const rich = mimeData?.getData(CONTENTS) as { withContent(): Promise<Contents> } | undefined;
  if (!rich || !Array.isArray(paths) || paths.length !== 1) throw new Error("One file is opened at a time");
  const { name, format, content } = await rich.withContent();
  return { name, file: blobOf(name, format, content) };
}

function blobOf(name: string, format: Contents["format"], content: unknown): Blob {
  if (format === "json") return new Blob([JSON.stringify(content)]);
  if (typeof content !== "string") throw new Error(`${name} is no file`);
  if (format !== "base64") return new Blob([content]);
  return new Blob([Uint8Array.from(atob(content), (character) => character.charCodeAt(0))]);
}
