import type { ColumnType, EntityMetadata } from "typeorm";
import type { ColumnMetadata } from "typeorm/metadata/ColumnMetadata.js";
import type { QueryResult, RowValues, Statement } from "./dialect.js";
import { placeholdersOf } from "./padded-list.js";
import { remembered } from "./remembered.js";

/** The types of those columns whose values TypeORM stores in a form of its own. */
const CONVERTED: ReadonlySet<ColumnType> = new Set([
  "boolean",
  "datetime",
  "timestamp with time zone",
]);

/** A column: under which property a row has it, and what of that is stored. */
interface StoredColumn {
  readonly property: string;
  readonly toParameter: (value: unknown) => unknown;
}

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
  readonly #stored: readonly StoredColumn[];
  readonly #byProperty: ReadonlyMap<string, StoredColumn>;
  readonly #metadata: EntityMetadata;
  /** The statement that inserts so many rows. */
  readonly #insertOf = remembered((count: number) => {
    const row = `(${placeholdersOf(this.#columns)})`;
    const values = Array<string>(count).fill(row).join(", ");
    return `INSERT INTO ${this.name} (${this.columns}) VALUES ${values}`;
  });

  constructor(metadata: EntityMetadata) {
    this.#metadata = metadata;
    this.#columns = metadata.columns;
    this.name = metadata.tableName;
    this.columns = metadata.columns.map((column) => column.databaseName).join(", ");
    this.#stored = metadata.columns.map((column) => toStoredColumn(metadata, column));
    this.#byProperty = new Map(this.#stored.map((column) => [column.property, column]));
  }

  /** All columns, with their types. */
  get types(): readonly (readonly [name: string, type: ColumnType])[] {
    return this.#columns.map(({ databaseName, type }) => [databaseName, type]);
  }

  /** Gives the statement that inserts rows, and its parameters. */
  toInsert(rows: readonly Row[]): Statement {
    const parameters: unknown[] = [];
    // Not by flatMap: of one row, that takes as long as all the rest.
    for (const row of rows) parameters.push(...this.toValues(row));
    return [this.#insertOf(rows.length), parameters];
  }

  /** Gives what is stored of a row: a parameter for each column, in their order. */
  toValues(row: Row): RowValues {
    return this.#stored.map(({ property, toParameter }) => toParameter(Reflect.get(row, property)));
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
    const column = this.#byProperty.get(property);
    if (column === undefined) throw new Error(`${this.name} has no column for ${property}`);
    return column.toParameter(value);
  }
}

function toStoredColumn({ dataSource }: EntityMetadata, column: ColumnMetadata): StoredColumn {
  const { propertyName: property } = column;
  if (!CONVERTED.has(column.type)) return { property, toParameter: (value) => value };
  // Most rows that are written together have the same times, which nobody changes in place.
  let last: unknown;
  let parameter: unknown;
  function toParameter(value: unknown): unknown {
    if (value !== last) {
      parameter = dataSource.driver.preparePersistentValue(value, column);
      last = value;
    }
    return parameter;
  }
  return { property, toParameter };
}
