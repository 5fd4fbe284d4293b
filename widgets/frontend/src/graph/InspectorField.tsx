import type { Field, NodeDoc } from "../wire";
import { DraftInput } from "./DraftInput";
import { useSession } from "./GraphProvider";
import { ResetIcon } from "./icons";
import { format, paramsOf, parse, variantOf, withParam } from "./values";

/** One parameter of a node: its control, and the way back to the default once it is set. */
export function InspectorField({ node, field }: { node: NodeDoc; field: Field }) {
  const { store } = useSession();
  const isSet = field.name in node.params;
  const value = isSet ? node.params[field.name] : field.default;
  const commit = (next: unknown) => {
    if (next === undefined) {
      if (isSet) store.edit([{ op: "reset_param", id: node.id, key: field.name }]);
    } else if (!isSet || JSON.stringify(next) !== JSON.stringify(value))
      store.edit([{ op: "set_param", id: node.id, key: field.name, value: next }]);
  };
  return (
    <>
      <FieldRow field={field} value={value} isSet={isSet} onCommit={commit} testId={`inspector-field-${field.name}`} />
      <VariantFields field={field} value={value} onCommit={commit} />
    </>
  );
}

/** The parameters of the choice that is made, if it has any, such as the value of a constant initializer. */
function VariantFields({ field, value, onCommit }: ControlProps) {
  const variant = variantOf(field, value);
  if (!variant || variant.fields.length === 0) return null;
  const given = paramsOf(value);
  return (
    <div className="fl-form-nested" role="group" aria-label={`${field.name}: ${variant.name}`}>
      {variant.fields.map((inner) => (
        <FieldRow
          key={inner.name}
          field={inner}
          value={inner.name in given ? given[inner.name] : inner.default}
          isSet={inner.name in given}
          onCommit={(next) => onCommit(withParam(variant, given, inner.name, next))}
          testId={`inspector-field-${field.name}.${inner.name}`}
        />
      ))}
    </div>
  );
}

interface FieldRowProps extends ControlProps {
  isSet: boolean;
  testId: string;
}

function FieldRow({ field, value, isSet, onCommit, testId }: FieldRowProps) {
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
          onClick={() => onCommit(undefined)}
        >
          <ResetIcon />
        </button>
      )}
      <div className="fl-form-control">
        <Control field={field} value={value} onCommit={onCommit} testId={testId} />
      </div>
    </div>
  );
}

interface ControlProps {
  field: Field;
  value: unknown;
  onCommit: (value: unknown) => void;
}

function Control({ field, value, onCommit, testId }: ControlProps & { testId: string }) {
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
          suggestions={field.choices}
        />
      );
  }
}

/** One of a few values; "none" is offered where the default is none. */
function Choice({ field, value, onCommit, testId }: ControlProps & { testId: string }) {
  const chosen = format(field, value);
  const choose = (name: string) => {
    const variant = variantOf(field, name);
    if (name === "") onCommit(undefined);
    else onCommit(variant && !variant.plain ? withParam(variant, {}, "", undefined) : name);
  };
  return (
    <select
      className="fl-input"
      aria-label={field.name}
      data-testid={testId}
      value={chosen}
      onChange={(event) => choose(event.target.value)}
    >
      {(field.default === null || field.required) && <option value="">none</option>}
      {chosen !== "" && !field.choices.includes(chosen) && <option value={chosen}>{chosen}</option>}
      {field.choices.map((choice) => (
        <option key={choice} value={choice}>
          {choice}
        </option>
      ))}
    </select>
  );
}
