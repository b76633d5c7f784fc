import type { MigrationInterface, QueryRunner } from "typeorm";
import type { ColumnKinds, Dialect } from "../dialect.js";
import {
  addColumns,
  addIndexes,
  type ColumnDefinition,
  createTables,
  dropColumns,
  dropTables,
  type TableDefinition,
} from "./definitions.js";

/** Makes the migration that adds what forks need. */
export function forksMigration(dialect: Dialect): new () => MigrationInterface {
  return class Forks1795651200000 implements MigrationInterface {
    readonly name = "Forks1795651200000";

    async up(queryRunner: QueryRunner): Promise<void> {
      await createTables(queryRunner, dialect, tables(dialect.kinds));
      await addColumns(queryRunner, addedColumns(dialect.kinds));
      await addIndexes(queryRunner, INDEXES);
    }

    async down(queryRunner: QueryRunner): Promise<void> {
      for (const [table, name] of INDEXES) await queryRunner.dropIndex(table, name);
      await dropColumns(queryRunner, addedColumns(dialect.kinds));
      await dropTables(queryRunner, tables(dialect.kinds));
    }
  };
}

const INDEXES = [
  ["session_layers", "session_layers_by_layer", "(layer_id, through_sequence)"],
  ["sessions", "sessions_by_fork", "(tenant_id, fork_session_id, updated_at, id)"],
] as const;

function tables({ uuid, bigint, integer }: ColumnKinds): readonly TableDefinition[] {
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

function addedColumns({ uuid, bigint, boolean }: ColumnKinds): readonly ColumnDefinition[] {
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
