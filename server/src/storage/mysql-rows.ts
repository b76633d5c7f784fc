import type { Statement } from "./dialect.js";
import {
  type MysqlColumn,
  type MysqlPacket,
  MysqlRowReader,
  readingsOf,
} from "./mysql-row-reader.js";
import type { RawRow, TakeRow } from "./raw-rows.js";

/** A connection of mysql2's, as far as rows are read here. */
export interface RawMysqlConnection {
  execute(
    options: { readonly sql: string; readonly rowsAsArray: true },
    parameters: readonly unknown[],
    done: (error: Error | null, rows: readonly RawRow[]) => void,
  ): MysqlCommand;
}

/** A command of mysql2's that runs a prepared statement. */
interface MysqlCommand {
  /** Gives the class of what reads the rows of a result. */
  buildParserFromFields(columns: readonly MysqlColumn[], connection: object): RowParserClass;
}

type RowParserClass = new () => { next(packet: MysqlPacket): unknown };

/**
 * Runs a prepared statement, and hands over its rows as {@link MysqlRowReader} reads them,
 * straight from mysql2's packets.
 *
 * It relies on what mysql2 does not document: that a command asks `buildParserFromFields` for
 * what reads its rows. If it did not, and where a column is of a type that is not read here, the
 * rows are mysql2's own, and are handed over when all of them are there.
 */
export function takeMysqlRows(
  connection: RawMysqlConnection,
  [sql, parameters]: Statement,
  take: TakeRow,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const taking = new RowTaking(take);
    const command = connection.execute({ sql, rowsAsArray: true }, parameters, (error, rows) => {
      const failure = error === null ? taking.end(rows) : { error };
      if (failure === undefined) resolve();
      else reject(failure.error);
    });
    readInto(taking, command);
  });
}

/** Lets a command's rows be read here. */
function readInto(taking: RowTaking, command: MysqlCommand): void {
  const { buildParserFromFields } = command;
  command.buildParserFromFields = function (columns, connection) {
    const readings = readingsOf(columns);
    if (readings === undefined) return buildParserFromFields.call(this, columns, connection);
    taking.isUnderWay = true;
    // Not a class of its own: V8 keeps one, with all that it refers to, for many pages.
    return MysqlRowReader.bind(undefined, readings, taking);
  };
}

/** Takes the rows of one result. */
class RowTaking {
  /** Whether the rows are taken as they come. */
  isUnderWay = false;
  #takeRow: TakeRow | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(take: TakeRow) {
    this.#takeRow = take;
  }

  /** Takes a row. It does not throw: mysql2 would give the rest of the result to the next command. */
  take(row: RawRow): void {
    if (this.#failure !== undefined) return;
    try {
      this.#takeRow?.(row);
    } catch (error) {
      this.#failure = { error };
    }
  }

  /** Takes the rows that were not taken as they came, and gives what went wrong first, if anything did. */
  end(rows: readonly RawRow[]): { readonly error: unknown } | undefined {
    if (!this.isUnderWay) for (const row of rows) this.take(row);
    // V8 may keep this for many pages, and is not to keep what was made of them.
    this.#takeRow = undefined;
    return this.#failure;
  }
}
