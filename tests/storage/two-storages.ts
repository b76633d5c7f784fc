import type { Storage } from "../../server/src/domain/storage.js";
import type { TestDatabase } from "../support/databases.js";
import { openForTest } from "./contract/storage-suite.js";

/** The storages of two servers on one database; one alone where it is in one's memory. */
export async function openTwo({
  kind,
  create,
}: TestDatabase): Promise<readonly [Storage, Storage]> {
  const url = await create();
  const storage = await openForTest(url);
  return [storage, kind === "memory" ? storage : await openForTest(url)];
}
