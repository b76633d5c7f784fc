import { expect, inject, it, onTestFinished } from "vitest";
import { describeDatabases } from "./databases.js";
import { createEmptyDatabase } from "./empty-database.js";
import { startPrivateDatabase } from "./private-database.js";
import { runSql } from "./run-sql.js";

describeDatabases(
  "a test database",
  ({ kind, create }) => {
    it("is empty, and apart from every other", async () => {
      const urls = [await create(), await create()];

      for (const url of urls) await runSql(url, "CREATE TABLE names (name VARCHAR(200))");
      for (const url of urls) await runSql(url, `INSERT INTO names VALUES ('${url}')`);

      for (const url of urls) {
        expect(await runSql(url, "SELECT name FROM names")).toEqual([{ name: url }]);
      }
    });

    it("is gone once it was dropped", async () => {
      const { url, drop } = await createEmptyDatabase(kind, inject("databaseServers"));
      onTestFinished(drop);
      await runSql(url, "CREATE TABLE names (name VARCHAR(200))");

      await drop();

      await expect(runSql(url, "SELECT name FROM names")).rejects.toThrow();
    });

    if (kind !== "postgres" && kind !== "mariadb") return;

    it("comes back with its server, and with what is in it", async () => {
      const { url, server } = await startPrivateDatabase(kind);
      await runSql(url, "CREATE TABLE names (name VARCHAR(200))");
      await runSql(url, "INSERT INTO names VALUES ('kept')");

      await server.kill();
      await expect(runSql(url, "SELECT name FROM names")).rejects.toThrow();
      await server.start();

      expect(await runSql(url, "SELECT name FROM names")).toEqual([{ name: "kept" }]);
    });
  },
  ["sqlite", "postgres", "mariadb", "mysql"],
);
