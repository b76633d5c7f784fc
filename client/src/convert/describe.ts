/** Describes a value that is not what it has to be, for the text of an error. */
export function describe(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return `an instance of ${toClassName(value)}`;
  return typeof value === "function" ? "a function" : String(value);
}

function toClassName(value: object): string {
  return typeof value.constructor === "function" ? value.constructor.name : "a class";
}
