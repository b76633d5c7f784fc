import { type Command, Option } from "commander";
import type { Limits } from "./domain/limits.js";
import type { Pace } from "./pace.js";
import type { Setting } from "./setting.js";
import { LIMIT_SETTINGS, PACE_SETTINGS } from "./settings.js";

/** Where the values of settings come from. */
export interface SettingSources {
  /** The flags that were given, as commander's `opts()` gives them. */
  readonly flags: Readonly<Record<string, unknown>>;
  /** The variables, such as `process.env`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Adds the options of settings to a command, with their defaults and variables in its help. */
export function addSettings(command: Command, settings: readonly Setting<unknown>[]): Command {
  for (const { flag, variable, description, defaultValue } of settings) {
    command.addOption(new Option(flag, `${description} (${noteOn(flag, variable, defaultValue)})`));
  }
  return command;
}

function noteOn(flag: string, variable: string, defaultValue: unknown): string {
  if (flag.startsWith("--no-")) return `${variable}=false`;
  return defaultValue === undefined ? variable : `${defaultValue}, ${variable}`;
}

/**
 * Reads a setting: from its flag, else from its variable, else its default. A variable
 * that is empty is as one that is not set.
 *
 * @throws UsageError that names the flag or variable, if its text is not a value.
 */
export function readSetting<T>(setting: Setting<T>, sources: SettingSources): T {
  const option = new Option(setting.flag);
  const given = sources.flags[option.attributeName()];
  if (typeof given === "string") return setting.parse(given, option.long ?? setting.flag);
  // A `--no-…` flag that was not given is `true`, which says nothing.
  if (given === false) return setting.parse("false", setting.flag);
  const text = sources.environment[setting.variable];
  if (text === undefined || text === "") return setting.defaultValue;
  return setting.parse(text, setting.variable);
}

/** Reads all limits, as {@link readSetting} reads each. */
export function readLimits(sources: SettingSources): Limits {
  const limits = LIMIT_SETTINGS;
  return {
    maxRequestBytes: readSetting(limits.maxRequestBytes, sources),
    maxAppendMessages: readSetting(limits.maxAppendMessages, sources),
    maxMetadataBytes: readSetting(limits.maxMetadataBytes, sources),
    maxStateBytes: readSetting(limits.maxStateBytes, sources),
    defaultPageSize: readSetting(limits.defaultPageSize, sources),
    maxPageSize: readSetting(limits.maxPageSize, sources),
    keepVersions: readSetting(limits.keepVersions, sources),
    historyCacheBytes: readSetting(limits.historyCacheBytes, sources),
  };
}

/** Reads all of the pace, as {@link readSetting} reads each. */
export function readPace(sources: SettingSources): Pace {
  const pace = PACE_SETTINGS;
  return {
    pollIntervalMs: readSetting(pace.pollIntervalMs, sources),
    heartbeatIntervalMs: readSetting(pace.heartbeatIntervalMs, sources),
    writeLeaseMs: readSetting(pace.writeLeaseMs, sources),
    writeCheckpointMs: readSetting(pace.writeCheckpointMs, sources),
    writeCheckpointBytes: readSetting(pace.writeCheckpointBytes, sources),
  };
}
