import type { MigrationInterface, QueryRunner } from "typeorm";
import type { Dialect } from "../dialect.js";

const INDEX = "messages_kept";

/** Makes the migration that adds what contexts need. */
export function contextMigration(dialect: Dialect): new () => MigrationInterface {
  return class Context1795564800000 implements MigrationInterface {
    readonly name = "Context1795564800000";

    async up(queryRunner: QueryRunner): Promise<void> {
      const existing = (await queryRunner.getTable("messages"))?.indices ?? [];
      if (existing.some(({ name }) => name === INDEX)) return;
      await queryRunner.query(`CREATE INDEX ${INDEX} ON messages ${dialect.kept.index}`);
    }

    async down(queryRunner: QueryRunner): Promise<void> {
      await queryRunner.dropIndex("messages", INDEX);
    }
  };
}
