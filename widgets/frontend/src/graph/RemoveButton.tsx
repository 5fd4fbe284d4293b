import { focusCanvas } from "./useCommands";

/** Takes away what is selected, and gives the focus back to the canvas. */
export function RemoveButton({ label, onRemove }: { label: string; onRemove: () => void }) {
  return (
    <button
      type="button"
      className="fl-button fl-remove"
      data-testid="inspector-delete"
      onClick={(event) => {
        focusCanvas(event.currentTarget);
        onRemove();
      }}
    >
      {label}
    </button>
  );
}
