import { useAddNode } from "./useAddNode";
import { focusCanvas } from "./useKeys";

/** What to do on an empty canvas. */
export function EmptyCanvas() {
  const { addAtCentre, canAdd } = useAddNode();
  return (
    <div className="fl-empty" data-testid="empty-canvas">
      <h3>Start your graph</h3>
      <ul>
        {canAdd("input") && (
          <li>
            <button
              type="button"
              className="fl-button"
              onClick={(event) => {
                focusCanvas(event.currentTarget);
                addAtCentre("input");
              }}
            >
              Add an input
            </button>
          </li>
        )}
        <li>Drag an entry of the palette onto the canvas, or double-click it.</li>
        <li>Then drag from the port on a node’s right edge to one on another’s left edge.</li>
      </ul>
    </div>
  );
}
