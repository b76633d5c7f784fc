import { type Connection, createConnection } from "mysql2";
import { expect, it, onTestFinished } from "vitest";
import { Utf8Text } from "../../server/src/domain/text.js";
import type { Statement } from "../../server/src/storage/dialect.js";
import { type RawMysqlConnection, takeMysqlRows } from "../../server/src/storage/mysql-rows.js";
import type { RawRow, TakeRow } from "../../server/src/storage/raw-rows.js";
import { describeDatabases } from "../support/databases.js";

/** More than a packet holds: the protocol cuts such a row. */
const OVER_A_PACKET = 17 * 1024 * 1024;

const TIMES = ["2024-02-29 00:00:00", "2024-02-29 23:59:59.001999", "1969-12-31 23:59:59.5"];

/** Expressions of all types that are read, and what they are read as. */
const VALUES: readonly (readonly [sql: string, value: unknown])[] = [
  ["CAST(NULL AS CHAR(36))", null],
  ["n.tiny", -128],
  ["n.whole", -(2 ** 31)],
  ["n.large", Number.MAX_SAFE_INTEGER],
  ["-n.large", -Number.MAX_SAFE_INTEGER],
  ["n.large - n.large", 0],
  ["n.word", "tool"],
  ["n.text", "🦔é\n"],
  ["REPEAT(n.text, 0)", ""],
  ["REPEAT('é', 125)", "é".repeat(125)],
  ["CONCAT(REPEAT('é', 125), 'x')", `${"é".repeat(125)}x`],
  ["REPEAT('x', 65535)", "x".repeat(65_535)],
  ["REPEAT('x', 65536)", "x".repeat(65_536)],
  ["n.data", Buffer.of(0, 0xff, 0xfe)],
  ["CAST(NULL AS DATETIME)", null],
  ...TIMES.map(
    (time) => [`CAST('${time}' AS DATETIME(6))`, Date.parse(`${time.slice(0, 23)}Z`)] as const,
  ),
];

const TABLE = `CREATE TABLE numbers (
  tiny BOOLEAN, whole INT, large BIGINT, word VARCHAR(20) CHARACTER SET ascii,
  text LONGTEXT CHARACTER SET utf8mb4, data LONGBLOB
)`;

function take(connection: Connection, statement: Statement, takeRow: TakeRow): Promise<void> {
  return takeMysqlRows(connection as unknown as RawMysqlConnection, statement, takeRow);
}

describeDatabases(
  "rows that are read from mysql2's packets",
  (database) => {
    /** Opens a connection to a database with one row. */
    async function openWithRow() {
      const uri = (await database.create()).replace(/^mariadb:/, "mysql:");
      const connection = createConnection({ uri, charset: "utf8mb4", timezone: "Z" });
      onTestFinished(() => connection.destroy());
      const run = connection.promise();
      await run.query(TABLE);
      const row = [-128, -(2 ** 31), Number.MAX_SAFE_INTEGER, "tool", "🦔é\n"];
      await run.query("INSERT INTO numbers VALUES (?, ?, ?, ?, ?, X'00fffe')", row);
      return connection;
    }

    it("have the values that are stored, whichever others there are", async () => {
      const connection = await openWithRow();
      const columns = VALUES.map(([sql]) => sql).join(", ");
      const sql = `SELECT ${columns} FROM numbers n UNION ALL SELECT ${columns} FROM numbers n WHERE tiny < ?`;
      const taken: unknown[][] = [];

      await take(connection, [sql, [0]], (row) => {
        taken.push(row.map((value) => (value instanceof Utf8Text ? String(value) : value)));
      });

      const values = VALUES.map(([, value]) => value);
      expect(taken).toEqual([values, values]);
    });

    // Without what it relies on of mysql2, text would come as strings.
    it("have text as bytes", async () => {
      const connection = await openWithRow();
      const taken: unknown[] = [];

      await take(connection, ["SELECT text FROM numbers WHERE tiny < ?", [0]], ([text]) =>
        taken.push(text),
      );

      expect(taken).toEqual([expect.any(Utf8Text)]);
    });

    it("are mysql2's where a column is of another type", async () => {
      const connection = await openWithRow();
      const taken: RawRow[] = [];
      const sql = "SELECT text, large + 0e0, NULL FROM numbers WHERE tiny < ?";

      await take(connection, [sql, [0]], (row) => taken.push(row));

      expect(taken).toEqual([["🦔é\n", Number.MAX_SAFE_INTEGER, null]]);
    });

    it("may be larger than a packet", async () => {
      const connection = await openWithRow();
      const taken: unknown[] = [];
      const sql = "SELECT whole, REPEAT('é', ?), text FROM numbers";

      await take(connection, [sql, [OVER_A_PACKET / 2]], ([whole, long, text]) =>
        taken.push([whole, String(long) === "é".repeat(OVER_A_PACKET / 2), String(text)]),
      );

      expect(taken).toEqual([[-(2 ** 31), true, "🦔é\n"]]);
    });

    it("end with the error that comes among them", async () => {
      const connection = await openWithRow();
      await connection.promise().query("INSERT INTO numbers (tiny, whole) VALUES (1, 1), (2, 2)");
      const sql =
        "SELECT (SELECT word FROM numbers o WHERE n.whole = 2 OR o.whole < ?) FROM numbers n";
      const taken: unknown[] = [];

      const reading = take(connection, [sql, [0]], ([word]) => taken.push(word));

      await expect(reading).rejects.toMatchObject({ errno: 1242 });
      expect(taken).toEqual(["tool", "tool"]);
      await take(connection, ["SELECT ? + 0", [1]], ([one]) => taken.push(Number(one)));
      expect(taken).toEqual(["tool", "tool", 1]);
    });

    it.each(["text", "large + 0e0"])(
      "end with what is thrown by who takes them: %s",
      async (column) => {
        const connection = await openWithRow();
        const failure = new Error("thrown by the test");
        const sql = `SELECT ${column} FROM numbers WHERE tiny < ? UNION ALL SELECT ${column} FROM numbers`;
        let count = 0;

        const reading = take(connection, [sql, [0]], () => {
          count += 1;
          throw failure;
        });

        await expect(reading).rejects.toBe(failure);
        expect(count).toBe(1);
        await take(connection, [sql, [0]], () => {
          count += 1;
        });
        expect(count).toBe(3);
      },
    );
  },
  ["mariadb", "mysql"],
);
