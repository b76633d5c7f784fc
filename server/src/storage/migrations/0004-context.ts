import type { MigrationInterface, QueryRunner } from "typeorm";
import type { Dialect } from "../dialect.js";
import { addIndexes } from "./definitions.js";

const INDEX = "messages_kept";

/** Makes the migration that adds what contexts need. */
export function contextMigration(dialect: Dialect): new () => MigrationInterface {
  return class Context1795564800000 implements MigrationInterface {
    readonly name = "Context1795564800000";

    up(queryRunner: QueryRunner): Promise<void> {
      return addIndexes(queryRunner, [["messages", INDEX, dialect.kept.index]]);
    }

    async down(queryRunner: QueryRunner): Promise<void> {
      await queryRunner.dropIndex("messages", INDEX);
    }
  };
}
