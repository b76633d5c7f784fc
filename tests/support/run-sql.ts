import Database from "better-sqlite3";
import mysql from "mysql2/promise";
import pg from "pg";

/** One row of a result, by the names of its columns. */
export type SqlRow = Readonly<Record<string, unknown>>;

/** Runs one statement on a database by its plain driver, and gives the rows of its result. */
export async function runSql(url: string, statement: string): Promise<readonly SqlRow[]> {
  if (url.startsWith("sqlite:")) return runOnFile(url.replace("sqlite://", ""), statement);
  if (/^postgres(ql)?:/.test(url)) {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const { rows } = await client.query<SqlRow>(statement).finally(() => client.end());
    return rows;
  }
  const connection = await mysql.createConnection(url.replace(/^mariadb:/, "mysql:"));
  const [rows] = await connection.query(statement).finally(() => connection.end());
  return Array.isArray(rows) ? rows.map((row) => ({ ...row })) : [];
}

function runOnFile(path: string, statement: string): readonly SqlRow[] {
  const database = new Database(path);
  try {
    const prepared = database.prepare<[], SqlRow>(statement);
    if (prepared.reader) return prepared.all();
    prepared.run();
    return [];
  } finally {
    database.close();
  }
}
