import { NoteIcon } from "./icons";
import "./note.css";

/** A badge for a node's note, whose text is shown while the pointer is on it or the node has the keyboard's focus. */
export function Note({ text }: { text: string }) {
  if (text.trim() === "") return null;
  return (
    <span className="fl-node-badge fl-note" data-testid="note">
      <NoteIcon />
      <span className="fl-card fl-note-text">{text}</span>
    </span>
  );
}
