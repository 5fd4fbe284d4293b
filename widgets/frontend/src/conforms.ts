import { STRUCTS } from "./shapes";

/** What a value from the kernel may be; made from the structs of Python. */
export type Shape =
  | "unknown"
  | "null"
  | "boolean"
  | "integer"
  | "number"
  | "string"
  | { one: readonly (string | number)[] }
  | { any: readonly Shape[] }
  | { list: Shape }
  | { map: Shape }
  | { struct: string };

/** Whether a value is of a shape, with all fields that it must have. */
export function conforms(value: unknown, shape: Shape): boolean {
  if (shape === "unknown") return true;
  if (shape === "null") return value === null;
  if (shape === "integer") return Number.isInteger(value);
  if (typeof shape === "string") return typeof value === shape;
  if ("one" in shape) return shape.one.includes(value as string | number);
  if ("any" in shape) return shape.any.some((one) => conforms(value, one));
  if ("list" in shape) return Array.isArray(value) && value.every((item) => conforms(item, shape.list));
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  if ("map" in shape) return Object.values(value).every((item) => conforms(item, shape.map));
  const fields = Object.entries(STRUCTS[shape.struct]!);
  return fields.every(([name, inner]) => Object.hasOwn(value, name) && conforms((value as never)[name], inner));
}
