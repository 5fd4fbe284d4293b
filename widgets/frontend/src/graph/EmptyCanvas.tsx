import { useAddNode } from "./useAddNode";
import { focusCanvas } from "./useKeys";

/** What to do on an empty canvas. */
export function EmptyCanvas() {
  const { addNext, canAdd } = useAddNode();
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
                addNext("input");
              }}
            >
              Add an input
            </button>
          </li>
        )}
        <li>Drag an entry of the palette onto the canvas, or double-click it.</li>
        <li>Then drag from the port on a node’s right edge to one on another’s left edge.</li>
        <li>Double-click a node to name it and to set its parameters.</li>
      </ul>
    </div>
  );
}
