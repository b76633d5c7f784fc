import type { MigrationInterface, QueryRunner } from "typeorm";
import type { ColumnKinds, Dialect } from "../dialect.js";
import { addIndex } from "./add-index.js";

/** Makes the migration that adds what forks need. */
export function forksMigration(dialect: Dialect): new () => MigrationInterface {
  return class Forks1795651200000 implements MigrationInterface {
    readonly name = "Forks1795651200000";

    async up(queryRunner: QueryRunner): Promise<void> {
      for (const [table, columns] of addedTables(dialect.kinds)) {
        await queryRunner.query(
          `CREATE TABLE IF NOT EXISTS ${table} (${columns.join(", ")}) ${dialect.tableOptions}`,
        );
      }
      for (const [table, column, type] of addedColumns(dialect.kinds)) {
        // Where definitions are not transactional, a start that was cut off is finished by the next.
        if (await queryRunner.hasColumn(table, column)) continue;
        await queryRunner.query(`ALTER TABLE ${table} ADD COLUMN ${column} ${type}`);
      }
      for (const [table, name, indexed] of INDEXES) {
        await addIndex(queryRunner, table, name, `(${indexed})`);
      }
    }

    async down(queryRunner: QueryRunner): Promise<void> {
      for (const [table, name] of INDEXES) await queryRunner.dropIndex(table, name);
      for (const [table, column] of addedColumns(dialect.kinds)) {
        await queryRunner.query(`ALTER TABLE ${table} DROP COLUMN ${column}`);
      }
      for (const [table] of addedTables(dialect.kinds)) {
        await queryRunner.query(`DROP TABLE ${table}`);
      }
    }
  };
}

const INDEXES = [
  ["session_layers", "session_layers_by_layer", "layer_id, through_sequence"],
  ["sessions", "sessions_by_fork", "tenant_id, fork_session_id, updated_at, id"],
] as const;

type AddedTable = readonly [table: string, columns: readonly string[]];

function addedTables({ uuid, bigint, integer }: ColumnKinds): readonly AddedTable[] {
  const layerColumns = [
    `session_id ${uuid.sql} NOT NULL`,
    `height ${integer.sql} NOT NULL`,
    `layer_id ${uuid.sql} NOT NULL`,
    `after_sequence ${bigint.sql} NOT NULL`,
    `through_sequence ${bigint.sql} NOT NULL`,
    "PRIMARY KEY (session_id, height)",
  ];
  return [
    ["session_layers", layerColumns],
    ["session_trees", [`id ${uuid.sql} NOT NULL`, "PRIMARY KEY (id)"]],
  ];
}

type AddedColumn = readonly [table: string, column: string, type: string];

function addedColumns({ uuid, bigint, boolean }: ColumnKinds): readonly AddedColumn[] {
  return [
    ["sessions", "fork_session_id", `${uuid.sql} NULL`],
    ["sessions", "fork_sequence", `${bigint.sql} NOT NULL DEFAULT 0`],
    ["sessions", "frozen_through", `${bigint.sql} NOT NULL DEFAULT 0`],
    ["sessions", "is_layered", `${boolean.sql} NOT NULL DEFAULT FALSE`],
    ["sessions", "edit_layer_id", `${uuid.sql} NULL`],
    ["sessions", "tree_id", `${uuid.sql} NULL`],
    ["session_changes", "layer_id", `${uuid.sql} NULL`],
    ["message_writes", "layer_id", `${uuid.sql} NULL`],
    // 0 is the best that is known of the states that are there: a fork takes the newest.
    ["agent_state", "head_sequence", `${bigint.sql} NOT NULL DEFAULT 0`],
  ];
}
