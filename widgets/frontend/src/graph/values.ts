import type { Field, Variant } from "../wire";
import { wrongText } from "./words";

/** A value that was read from a field's text, or why it cannot be. */
export type Parsed = { value: unknown } | { error: string };

/** The value of a field as text to edit. */
export function format(field: Field, value: unknown): string {
  if (value === null || value === undefined) return "";
  if (field.control === "choice") return nameOf(value);
  if (field.control === "text") return String(value);
  return typeof value === "string" ? value : written(value);
}

/** The choice that a value makes: a name alone, or a mapping that has one. */
function nameOf(value: unknown): string {
  return isMapping(value) ? String(value.name) : String(value);
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The variant that a value chooses, if it has parameters of its own. */
export function variantOf(field: Field, value: unknown): Variant | undefined {
  return value === null || value === undefined
    ? undefined
    : field.variants.find(({ name }) => name === nameOf(value));
}

/** The parameters that are given to a variant. */
export function paramsOf(value: unknown): Record<string, unknown> {
  if (!isMapping(value)) return {};
  const { name: _, ...params } = value;
  return params;
}

/** The value that chooses a variant with these parameters and one more (undefined: that one's default again). */
export function withParam(variant: Variant, given: Record<string, unknown>, key: string, value: unknown): unknown {
  const { [key]: _, ...rest } = given;
  const params = value === undefined ? rest : { ...rest, [key]: value };
  return variant.plain && Object.keys(params).length === 0 ? variant.name : { name: variant.name, ...params };
}

/** A value as it stands in a spec: [batch, 28, 28], names without quotes. */
function written(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(written).join(", ")}]`;
  return typeof value === "string" && isName(value) ? value : JSON.stringify(value);
}

function isName(text: string): boolean {
  return /^[A-Za-z_]\w*$/.test(text) && !WORDS.has(text) && !LITERALS.includes(text);
}

/** Reads what was typed. Empty text means: the default again (the value is then undefined). */
export function parse(field: Field, text: string): Parsed {
  const error = wrongText(text);
  if (error !== null) return { error };
  const trimmed = text.trim();
  if (trimmed === "" && field.control !== "text") return { value: undefined };
  switch (field.control) {
    case "number":
    case "integer":
      return parseNumber(field, trimmed);
    case "json":
      return parseList(trimmed);
    default:
      return { value: text };
  }
}

function parseNumber({ control, minimum, maximum, above, below }: Field, text: string): Parsed {
  const value = Number(text);
  if (!Number.isFinite(value)) return { error: `"${text}" is not a number` };
  if (control === "integer" && !Number.isInteger(value)) return { error: "This is a whole number" };
  if (minimum !== null && above && value <= minimum) return { error: `More than ${minimum}` };
  if (maximum !== null && below && value >= maximum) return { error: `Less than ${maximum}` };
  if (minimum !== null && value < minimum) return { error: `At least ${minimum}` };
  if (maximum !== null && value > maximum) return { error: `At most ${maximum}` };
  return { value };
}

/** Reads JSON, and also what one would write in Python: (2, 2), or 2, 2, or ("batch", None), or batch, 28, 28. */
function parseList(text: string): Parsed {
  const plain = asJson(text);
  for (const candidate of [plain, `[${plain}]`]) {
    try {
      return { value: JSON.parse(candidate) as unknown };
    } catch {
      // the next reading may fit
    }
  }
  return { error: "Write a value such as 3, [2, 2] or [batch, 28, 28]" };
}

const WORDS: ReadonlyMap<string, string> = new Map([["None", "null"], ["True", "true"], ["False", "false"]]);
const LITERALS = ["null", "true", "false"];
const TOKENS = /"[^"]*"|'([^']*)'|\d[\d.]*(?:[eE][+-]?\d+)?|[A-Za-z_]\w*|[()]|,(?=\s*[)\]]|\s*$)/g;

/** Python's tuples, quotes and names as JSON's. Strings are kept as they are. */
function asJson(text: string): string {
  return text.replace(TOKENS, (token, quoted?: string) => {
    if (/^["\d]/.test(token)) return token;
    if (quoted !== undefined) return JSON.stringify(quoted);
    if (token === "(") return "[";
    if (token === ")") return "]";
    if (token === ",") return "";
    if (LITERALS.includes(token)) return token;
    return WORDS.get(token) ?? JSON.stringify(token);
  });
}
