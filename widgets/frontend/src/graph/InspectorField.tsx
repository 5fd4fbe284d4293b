import type { Change, Field, NodeDoc } from "../wire";
import { DraftInput } from "./DraftInput";
import { useSession } from "./GraphProvider";
import { ResetIcon } from "./icons";
import { Slider } from "./Slider";
import { format, paramsOf, parse, variantOf, withParam } from "./values";

/**
 * One parameter of a node, or of several of a kind: its control, and the way back to the default once it is set. Where
 * nodes differ it is shown as mixed until all get one value.
 */
export function InspectorField({ nodes, field }: { nodes: readonly NodeDoc[]; field: Field }) {
  const { store } = useSession();
  const key = field.name;
  const isSet = nodes.some(({ params }) => key in params);
  const [value, ...others] = nodes.map(({ params }) => (key in params ? params[key] : field.default));
  const mixed = others.some((other) => JSON.stringify(other) !== JSON.stringify(value));
  const commit = (next: unknown, continues = false) => {
    const patch = nodes.flatMap(({ id, params }): Change[] => {
      if (next === undefined) return key in params ? [{ op: "reset_param", id, key }] : [];
      const same = key in params && JSON.stringify(next) === JSON.stringify(params[key]);
      return same ? [] : [{ op: "set_param", id, key, value: next }];
    });
    store.edit(patch, continues);
  };
  const shown = mixed ? undefined : value;
  return (
    <>
      <FieldRow
        field={field}
        value={shown}
        mixed={mixed}
        isSet={isSet}
        onCommit={commit}
        testId={`inspector-field-${key}`}
      />
      <VariantFields field={field} value={shown} onCommit={commit} />
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

function FieldRow({ field, value, mixed, isSet, onCommit, testId }: FieldRowProps) {
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
        <Control field={field} value={value} mixed={mixed} onCommit={onCommit} testId={testId} />
      </div>
    </div>
  );
}

interface ControlProps {
  field: Field;
  value: unknown;
  /** The nodes have different values. */
  mixed?: boolean | undefined;
  /** `continues`: it is one step with the value before it. */
  onCommit: (value: unknown, continues?: boolean) => void;
}

function Control({ field, value, mixed, onCommit, testId }: ControlProps & { testId: string }) {
  switch (field.control) {
    case "boolean":
      return (
        <input
          type="checkbox"
          aria-label={field.name}
          data-testid={testId}
          ref={(box) => {
            if (box) box.indeterminate = mixed === true;
          }}
          checked={value === true}
          onChange={(event) => onCommit(event.target.checked)}
        />
      );
    case "choice":
      return <Choice field={field} value={value} mixed={mixed} onCommit={onCommit} testId={testId} />;
    default:
      return (
        <>
          <DraftInput
            text={format(field, value)}
            parse={(text) => parse(field, text)}
            onCommit={onCommit}
            label={field.name}
            testId={testId}
            placeholder={mixed ? "mixed" : field.required ? "" : "none"}
            code={field.control !== "text"}
            suggestions={field.choices}
          />
          <Slider field={field} value={value} onSlide={onCommit} />
        </>
      );
  }
}

/** One of a few values; "none" is offered where the default is none. */
function Choice({ field, value, mixed, onCommit, testId }: ControlProps & { testId: string }) {
  const chosen = format(field, value);
  const choose = (name: string) => {
    const variant = variantOf(field, name);
    if (name === "") mixed || onCommit(undefined);
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
      {mixed && <option value="">mixed</option>}
      {!mixed && (field.default === null || field.required) && <option value="">none</option>}
      {chosen !== "" && !field.choices.includes(chosen) && <option value={chosen}>{chosen}</option>}
      {field.choices.map((choice) => (
        <option key={choice} value={choice}>
          {choice}
        </option>
      ))}
    </select>
  );
}
