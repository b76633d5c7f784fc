import { UsageError } from "./domain/usage-error.js";

/** One setting of the command: a flag, a variable of the environment, and what they take. */
export interface Setting<T> {
  /** The flag with its placeholder, as commander and the help take it: `--listen <address>`. */
  readonly flag: string;
  /** The variable, which serves where the flag is not given. */
  readonly variable: string;
  readonly defaultValue: T;
  /** What the setting does, in one line, with its unit and bounds. */
  readonly description: string;

  /**
   * Reads the text of a flag or variable.
   *
   * @throws UsageError that begins with `source`, if the text is not a value.
   */
  parse(text: string, source: string): T;
}

/** What a {@link Setting} is declared with. */
type Declaration<T> = Omit<Setting<T>, "parse">;

/** Declares a setting that is any text but none. */
export function textSetting(declaration: Declaration<string>): Setting<string> {
  return {
    ...declaration,
    parse(text, source) {
      if (text === "") throw new UsageError(`${source}: give a value`);
      return text;
    },
  };
}

/** Declares a setting that is any text but none, or absent. */
export function optionalTextSetting(
  declaration: Omit<Declaration<string>, "defaultValue">,
): Setting<string | undefined> {
  return { ...textSetting({ ...declaration, defaultValue: "" }), defaultValue: undefined };
}

/** Declares a setting that is one of a few words. */
export function wordSetting<T extends string>(
  words: readonly T[],
  declaration: Declaration<T>,
): Setting<T> {
  return {
    ...declaration,
    description: `${declaration.description}: ${words.join(", ")}`,
    parse(text, source) {
      const word = words.find((candidate) => candidate === text);
      if (word === undefined) {
        throw new UsageError(`${source}: "${text}" is not one of ${words.join(", ")}`);
      }
      return word;
    },
  };
}

/** The bounds of a number, both inclusive. */
export interface Bounds {
  readonly min: number;
  readonly max: number;
}

/** Declares a setting that is a whole number within bounds. */
export function integerSetting(
  { min, max }: Bounds,
  declaration: Declaration<number>,
): Setting<number> {
  return {
    ...declaration,
    description: `${declaration.description}, ${min} to ${max}`,
    parse(text, source) {
      const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
      if (!(value >= min && value <= max)) {
        throw new UsageError(`${source}: "${text}" is not a whole number from ${min} to ${max}`);
      }
      return value;
    },
  };
}

/** Declares a setting that is on unless its `--no-…` flag, or `false`, turns it off. */
export function switchSetting(declaration: Declaration<boolean>): Setting<boolean> {
  return {
    ...declaration,
    parse(text, source) {
      if (text !== "true" && text !== "false") {
        throw new UsageError(`${source}: "${text}" is neither true nor false`);
      }
      return text === "true";
    },
  };
}
