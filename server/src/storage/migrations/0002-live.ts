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

/** Makes the migration that adds what followers and writers need. */
export function liveMigration(dialect: Dialect): new () => MigrationInterface {
  return class Live1795392000000 implements MigrationInterface {
    readonly name = "Live1795392000000";

    async up(queryRunner: QueryRunner): Promise<void> {
      await createTables(queryRunner, dialect, tables(dialect.kinds));
      await addIndexes(queryRunner, INDEXES);
      await addColumns(queryRunner, addedColumns(dialect.kinds));
    }

    async down(queryRunner: QueryRunner): Promise<void> {
      await dropTables(queryRunner, tables(dialect.kinds));
      await dropColumns(queryRunner, addedColumns(dialect.kinds));
    }
  };
}

const INDEXES = [
  ["session_changes", "session_changes_by_revision", "(session_id, revision)"],
  ["message_writes", "message_writes_by_expiry", "(expires_at)"],
] as const;

function addedColumns({ bigint }: ColumnKinds): readonly ColumnDefinition[] {
  // 0 is the best that is known of the sessions that are there. Resume tokens were given
  // out before: a follower that comes with one is not told of edits between it and now.
  return [["sessions", "change_revision", `${bigint.sql} NOT NULL DEFAULT 0`]];
}

function tables({ uuid, word, bigint }: ColumnKinds): readonly TableDefinition[] {
  return [
    [
      "session_changes",
      [
        `session_id ${uuid.sql} NOT NULL`,
        `kind ${word.sql} NOT NULL`,
        `sequence ${bigint.sql} NOT NULL`,
        `revision ${bigint.sql} NOT NULL`,
        `through_sequence ${bigint.sql} NOT NULL`,
        "PRIMARY KEY (session_id, kind, sequence)",
      ],
    ],
    [
      "message_writes",
      [
        `session_id ${uuid.sql} NOT NULL`,
        `sequence ${bigint.sql} NOT NULL`,
        `epoch ${bigint.sql} NOT NULL`,
        `writer_id ${uuid.sql} NULL`,
        `expires_at ${bigint.sql} NOT NULL`,
        "PRIMARY KEY (session_id, sequence)",
      ],
    ],
  ];
}
