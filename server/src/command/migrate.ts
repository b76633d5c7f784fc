import { readSetting, type SettingSources } from "../read-settings.js";
import { SETTINGS } from "../settings.js";
import { migrateDatabase } from "../storage/open.js";

/** Brings the schema of a database up to date, and prints in one line what was done. */
export async function migrate(sources: SettingSources): Promise<void> {
  const url = readSetting(SETTINGS.database, sources);
  const { applied, schemaVersion } = await migrateDatabase(url);
  const done =
    applied === 0
      ? `the schema is up to date, at version ${schemaVersion}`
      : `brought the schema from version ${schemaVersion - applied} to version ${schemaVersion}`;
  process.stdout.write(`${done}\n`);
}
