import type { MigrationInterface, QueryRunner } from "typeorm";
import type { ColumnKinds, Dialect } from "../dialect.js";
import { addIndex } from "./add-index.js";

/** Makes the migration that adds what followers and writers need. */
export function liveMigration(dialect: Dialect): new () => MigrationInterface {
  return class Live1795392000000 implements MigrationInterface {
    readonly name = "Live1795392000000";

    async up(queryRunner: QueryRunner): Promise<void> {
      for (const [name, columns] of tables(dialect.kinds)) {
        const sql = `CREATE TABLE IF NOT EXISTS ${name} (${columns.join(", ")})`;
        await queryRunner.query(`${sql} ${dialect.tableOptions}`);
      }
      for (const [table, name, columns] of INDEXES) {
        await addIndex(queryRunner, table, name, `(${columns})`);
      }
      if (await queryRunner.hasColumn("sessions", "change_revision")) return;
      const { sql } = dialect.kinds.bigint;
      // 0 is the best that is known of the sessions that are there. Resume tokens were given
      // out before: a follower that comes with one is not told of edits between it and now.
      await queryRunner.query(
        `ALTER TABLE sessions ADD COLUMN change_revision ${sql} NOT NULL DEFAULT 0`,
      );
    }

    async down(queryRunner: QueryRunner): Promise<void> {
      for (const [name] of tables(dialect.kinds)) await queryRunner.query(`DROP TABLE ${name}`);
      await queryRunner.query("ALTER TABLE sessions DROP COLUMN change_revision");
    }
  };
}

const INDEXES = [
  ["session_changes", "session_changes_by_revision", "session_id, revision"],
  ["message_writes", "message_writes_by_expiry", "expires_at"],
] as const;

type TableDefinition = readonly [name: string, columns: readonly string[]];

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
