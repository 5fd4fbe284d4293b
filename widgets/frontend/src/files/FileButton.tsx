import { useFile, useSession } from "../graph/GraphProvider";
import { FileIcon } from "../graph/icons";
import "./files.css";

/** The button of the list of what can be done with files; a dot says that there are unsaved changes. */
export function FileButton() {
  const session = useSession();
  const name = useFile(({ state }) => state.name);
  const changed = useFile(({ state }) => state.changed);
  const label = `File ${name}${changed ? ", unsaved changes" : ""}`;
  return (
    <button
      type="button"
      className="fl-icon-button fl-file-button"
      data-testid="file"
      data-changed={changed || undefined}
      title={label}
      aria-label={label}
      onClick={() => session.openMenu({ what: "file" })}
    >
      <FileIcon />
    </button>
  );
}
