import type { EntityMetadata } from "typeorm";
import type { ColumnMetadata } from "typeorm/metadata/ColumnMetadata.js";
import type { QueryResult } from "./dialect.js";

/**
 * The columns of a table for statements that do not go through TypeORM's entity manager:
 * their names in SQL, and the values of rows as TypeORM stores and reads them.
 */
export class Table<Row extends object> {
  /** The table's name. */
  readonly name: string;
  /** All columns, separated by commas. */
  readonly columns: string;
  readonly #columns: readonly ColumnMetadata[];
  readonly #metadata: EntityMetadata;

  constructor(metadata: EntityMetadata) {
    this.#metadata = metadata;
    this.#columns = metadata.columns;
    this.name = metadata.tableName;
    this.columns = metadata.columns.map((column) => column.databaseName).join(", ");
  }

  /** The parameters of one row, in the order of {@link Table.columns}. */
  toParameters(row: Row): readonly unknown[] {
    const { driver } = this.#metadata.dataSource;
    return this.#columns.map((column) =>
      driver.preparePersistentValue(Reflect.get(row, column.propertyName), column),
    );
  }

  /** The rows of a result that selected all columns of this table, or those of `Column`. */
  toRows<Column extends keyof Row = keyof Row>(result: QueryResult): readonly Pick<Row, Column>[] {
    const { driver } = this.#metadata.dataSource;
    return result.rows.map((raw) => {
      const row: Record<string, unknown> = {};
      for (const column of this.#columns) {
        if (column.databaseName in raw) {
          row[column.propertyName] = driver.prepareHydratedValue(raw[column.databaseName], column);
        }
      }
      return row as Pick<Row, Column>;
    });
  }

  /** A parameter as a column stores it. */
  toParameter(property: keyof Row & string, value: unknown): unknown {
    const column = this.#columns.find((candidate) => candidate.propertyName === property);
    if (column === undefined) throw new Error(`${this.name} has no column for ${property}`);
    return this.#metadata.dataSource.driver.preparePersistentValue(value, column);
  }
}
