import { describe, expect, it } from "vitest";
import { DEFAULT_LIMITS } from "../../server/src/domain/limits.js";
import { UsageError } from "../../server/src/domain/usage-error.js";
import { DEFAULT_PACE } from "../../server/src/pace.js";
import {
  readLimits,
  readPace,
  readSetting,
  type SettingSources,
} from "../../server/src/read-settings.js";
import { SETTINGS } from "../../server/src/settings.js";

/** What commander gives for flags, and an environment. */
function sources(
  flags: SettingSources["flags"],
  environment: SettingSources["environment"] = {},
): SettingSources {
  // Commander has the option of a `--no-…` flag at true where the flag is not given.
  return { flags: { migrate: true, databaseNotify: true, ...flags }, environment };
}

describe("settings", () => {
  it("have their defaults where nothing is given", () => {
    const given = sources({});

    expect(readSetting(SETTINGS.listen, given)).toBe("127.0.0.1:50051");
    expect(readSetting(SETTINGS.database, given)).toBe("sqlite://mofa.db");
    expect(readSetting(SETTINGS.migrate, given)).toBe(true);
    expect(readSetting(SETTINGS.databaseNotify, given)).toBe(true);
    expect(readLimits(given)).toEqual(DEFAULT_LIMITS);
    expect(readPace(given)).toEqual(DEFAULT_PACE);
  });

  it("take the flag before the variable, and the variable before the default", () => {
    const environment = {
      MOFA_STATE_LISTEN: "unix:/a",
      MOFA_STATE_KEEP_VERSIONS: "7",
      MOFA_STATE_MIGRATE: "false",
      MOFA_STATE_LOG_LEVEL: "",
    };

    const given = sources({ listen: "unix:/b" }, environment);

    expect(readSetting(SETTINGS.listen, given)).toBe("unix:/b");
    expect(readLimits(given).keepVersions).toBe(7);
    expect(readSetting(SETTINGS.migrate, given)).toBe(false);
    expect(readSetting(SETTINGS.logLevel, given)).toBe("info");
  });

  it.each(["migrate", "databaseNotify"] as const)("turn %s off by its flag", (name) => {
    expect(readSetting(SETTINGS[name], sources({ [name]: false }))).toBe(false);
  });

  it("give the pace that flags and variables ask for", () => {
    const environment = {
      MOFA_STATE_WRITE_LEASE_MS: "2000",
      MOFA_STATE_WRITE_CHECKPOINT_MS: "0",
      MOFA_STATE_WRITE_CHECKPOINT_BYTES: "1",
    };

    const given = sources({ pollIntervalMs: "20", heartbeatIntervalMs: "100" }, environment);

    expect(readPace(given)).toEqual({
      pollIntervalMs: 20,
      heartbeatIntervalMs: 100,
      writeLeaseMs: 2_000,
      writeCheckpointMs: 0,
      writeCheckpointBytes: 1,
    });
  });

  it.each(["", "0", "-1", "1.5", "1e3", "0x10", "ten", "10001", "9".repeat(30)])(
    "refuse the number %j, and name the flag",
    (text) => {
      const given = sources({ maxPageSize: text });

      expect(() => readLimits(given)).toThrow(UsageError);
      expect(() => readLimits(given)).toThrow(/^--max-page-size: /);
    },
  );

  it("name the variable that is wrong", () => {
    const given = sources({}, { MOFA_STATE_LOG_LEVEL: "loud" });

    expect(() => readSetting(SETTINGS.logLevel, given)).toThrow(/^MOFA_STATE_LOG_LEVEL: "loud"/);
  });

  it.each(Object.entries(SETTINGS))("derive the flag and the variable of %s", (name, setting) => {
    const words = name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
    const flag = setting.flag.replace(/ .*/, "").replace("--no-", "--");

    expect(flag).toBe(`--${words.toLowerCase().replaceAll("_", "-")}`);
    expect(setting.variable.replace("DATABASE_URL", "DATABASE")).toBe(`MOFA_STATE_${words}`);
  });
});
