import { specOf } from "./edits";
import { useGraph, useStored } from "./GraphProvider";
import { useAddNode } from "./useAddNode";

/** The features of the data, each with a way to add its input while the graph has none. */
export function DataFeatures() {
  const features = useStored((store) => store.features);
  const { nodes } = useGraph();
  const { addInputs } = useAddNode();
  if (features.length === 0) return null;
  const names = new Set([...nodes.values()].filter(({ scope }) => scope === "").map(({ name }) => name));
  return (
    <>
      <h3 className="fl-subheading">Data</h3>
      {features.map((feature) => (
        <div key={feature.name} className="fl-port-row">
          <span className="fl-port-row-name">{feature.name}</span>
          {!names.has(feature.name) && (
            <button
              type="button"
              className="fl-link"
              aria-label={`Add input ${feature.name}`}
              onClick={() => addInputs([feature])}
            >
              Add input
            </button>
          )}
          <span className="fl-code fl-line">{specOf(feature)}</span>
        </div>
      ))}
    </>
  );
}
