import type { MouseEvent } from "react";
import { specOf } from "./edits";
import { useStored } from "./GraphProvider";
import { useAddNode } from "./useAddNode";
import { focusCanvas } from "./useCommands";

/** What to do on an empty canvas. */
export function EmptyCanvas() {
  const features = useStored((store) => store.features);
  const { addNext, addInputs, canAdd } = useAddNode();
  const start = (event: MouseEvent<HTMLElement>) => {
    focusCanvas(event.currentTarget);
    if (features.length > 0) addInputs(features);
    else addNext("input");
  };
  return (
    <div className="fl-empty" data-testid="empty-canvas">
      <h3>Start your graph</h3>
      <ul>
        {canAdd("input") && (
          <li>
            <button type="button" className="fl-button" data-testid="add-inputs" onClick={start}>
              {features.length > 0 ? "Add the inputs of your data" : "Add an input"}
            </button>
            {features.map((feature) => (
              <span key={feature.name} className="fl-line">
                <strong>{feature.name}</strong> <span className="fl-code">{specOf(feature)}</span>
              </span>
            ))}
          </li>
        )}
        <li>Drag an entry of the palette onto the canvas, or double-click the canvas to search for one.</li>
        <li>Then drag from the port on a node’s right edge to one on another’s left edge.</li>
        <li>Double-click a node to name it and to set its parameters.</li>
        <li>Or drop a .flow.json or .onnx file here.</li>
      </ul>
    </div>
  );
}
