import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MemoryStore, MySqlStore, PostgresStore, SqliteStore } from "@mofa-state/server";
import { expect, it, onTestFinished, vi } from "vitest";
import type { DatabaseKind } from "../../support/database-kinds.js";
import { describeDatabases } from "../../support/databases.js";

const STORES: Readonly<Record<DatabaseKind, typeof SqliteStore>> = {
  memory: { connect: (_, options) => MemoryStore.connect(options) },
  sqlite: SqliteStore,
  postgres: PostgresStore,
  mariadb: MySqlStore,
  mysql: MySqlStore,
};

/** Makes a directory for temporary files that only this test uses, and gives what is left there. */
async function watchTemporaryFiles(): Promise<() => Promise<readonly string[]>> {
  const directory = await mkdtemp(join(tmpdir(), "mofa-state-test-"));
  vi.stubEnv("TMPDIR", directory);
  onTestFinished(async () => {
    vi.unstubAllEnvs();
    await rm(directory, { recursive: true });
  });
  return () => readdir(directory);
}

describeDatabases("a store that runs in the process of its user", ({ kind, create }) => {
  it("keeps what is stored as any server does, and leaves nothing behind when it is closed", async () => {
    const url = await create();
    const leftFiles = await watchTemporaryFiles();
    const store = await STORES[kind].connect(url);
    const session = await store.sessions.open({ key: "k" });
    await session.append({ role: "user", content: "Hello" });

    await store.close();
    await store.close();

    expect(await leftFiles()).toEqual([]);
    await expect(store.sessions.get({ key: "k" })).rejects.toMatchObject({
      code: "failed_precondition",
    });
    if (kind === "memory") return;
    await using again = await STORES[kind].connect(url);
    const { info } = await again.sessions.get({ key: "k" });
    expect(info.headSequence).toBe(1);
  });

  if (kind === "memory") return;

  it("is the tenant's that it is connected for", async () => {
    const url = await create();
    const tenantId = "0198f000-0000-7000-8000-000000000001";
    await using store = await STORES[kind].connect(url, { tenantId });
    await using other = await STORES[kind].connect(url);

    await store.sessions.create({ key: "k" });

    const foreign = other.sessions.get({ key: "k" });
    await expect(foreign).rejects.toMatchObject({ reason: "SESSION_NOT_FOUND" });
  });
});

it("refuses a URL of another kind of database", async () => {
  for (const [store, url] of [
    [SqliteStore, "postgres://localhost/x"],
    [PostgresStore, "sqlite://x.db"],
    [MySqlStore, "postgres://localhost/x"],
  ] as const) {
    await expect(store.connect(url)).rejects.toThrow(/URL begins with/);
  }
});

it("leaves nothing behind where the database cannot be reached", async () => {
  const leftFiles = await watchTemporaryFiles();

  const refused = PostgresStore.connect("postgres://127.0.0.1:1/none");

  await expect(refused).rejects.toMatchObject({ code: "unavailable" });
  expect(await leftFiles()).toEqual([]);
});
