import type { Field, NodeDoc } from "../wire";
import { DraftInput } from "./DraftInput";
import { useSession } from "./GraphProvider";
import { ResetIcon } from "./icons";
import { format, parse } from "./values";

/** One parameter of a node: its control, and the way back to the default once it is set. */
export function InspectorField({ node, field }: { node: NodeDoc; field: Field }) {
  const { store } = useSession();
  const isSet = field.name in node.params;
  const value = isSet ? node.params[field.name] : field.default;
  const reset = () => {
    if (isSet) store.edit([{ op: "reset_param", id: node.id, key: field.name }]);
  };
  const commit = (next: unknown) => {
    if (next === undefined) reset();
    else if (!isSet || JSON.stringify(next) !== JSON.stringify(value))
      store.edit([{ op: "set_param", id: node.id, key: field.name, value: next }]);
  };
  return (
    <div className="fl-form-row" data-set={isSet || undefined}>
      <span className="fl-form-label" title={field.name}>
        {field.name}
        {field.required && <span className="fl-required"> required</span>}
      </span>
      {isSet && !field.required && (
        <button
          type="button"
          className="fl-icon-button fl-form-reset"
          aria-label={`Set ${field.name} back to its default`}
          title={`Default: ${format(field, field.default) || "none"}`}
          onClick={reset}
        >
          <ResetIcon />
        </button>
      )}
      <div className="fl-form-control">
        <Control field={field} value={value} onCommit={commit} />
      </div>
    </div>
  );
}

interface ControlProps {
  field: Field;
  value: unknown;
  onCommit: (value: unknown) => void;
}

function Control({ field, value, onCommit }: ControlProps) {
  const testId = `inspector-field-${field.name}`;
  switch (field.control) {
    case "boolean":
      return (
        <input
          type="checkbox"
          aria-label={field.name}
          data-testid={testId}
          checked={value === true}
          onChange={(event) => onCommit(event.target.checked)}
        />
      );
    case "choice":
      return <Choice field={field} value={value} onCommit={onCommit} testId={testId} />;
    default:
      return (
        <DraftInput
          text={format(field, value)}
          parse={(text) => parse(field, text)}
          onCommit={onCommit}
          label={field.name}
          testId={testId}
          placeholder={field.required ? "" : "none"}
          code={field.control !== "text"}
        />
      );
  }
}

/** One of a few values; "none" is offered where the default is none. */
function Choice({ field, value, onCommit, testId }: ControlProps & { testId: string }) {
  const known = value === null || value === undefined || field.choices.includes(String(value));
  return (
    <select
      className="fl-input"
      aria-label={field.name}
      data-testid={testId}
      value={value === null || value === undefined ? "" : String(value)}
      onChange={(event) => onCommit(event.target.value === "" ? undefined : event.target.value)}
    >
      {(field.default === null || field.required) && <option value="">none</option>}
      {!known && <option value={String(value)}>{String(value)}</option>}
      {field.choices.map((choice) => (
        <option key={choice} value={choice}>
          {choice}
        </option>
      ))}
    </select>
  );
}
