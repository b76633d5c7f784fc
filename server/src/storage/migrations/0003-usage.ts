import type { MigrationInterface, QueryRunner } from "typeorm";
import type { ColumnKinds, Dialect } from "../dialect.js";
import { addIndex } from "./add-index.js";

/** Makes the migration that adds the calls to models. */
export function usageMigration(dialect: Dialect): new () => MigrationInterface {
  return class Usage1795478400000 implements MigrationInterface {
    readonly name = "Usage1795478400000";

    async up(queryRunner: QueryRunner): Promise<void> {
      // IF NOT EXISTS: where definitions are not transactional, a start that was cut off is finished by the next.
      const columns = apiCallColumns(dialect.kinds).join(", ");
      const sql = `CREATE TABLE IF NOT EXISTS api_calls (${columns})`;
      await queryRunner.query(`${sql} ${dialect.tableOptions}`);
      for (const [name, columns] of INDEXES) {
        await addIndex(queryRunner, "api_calls", name, `(${columns})`);
      }
    }

    async down(queryRunner: QueryRunner): Promise<void> {
      await queryRunner.query("DROP TABLE api_calls");
    }
  };
}

const INDEXES = [
  ["api_calls_by_time", "tenant_id, created_at, id"],
  ["api_calls_by_session", "tenant_id, session_id, created_at, id"],
  ["api_calls_by_user", "tenant_id, user_id, created_at, id"],
  ["api_calls_by_agent", "tenant_id, agent_id, created_at, id"],
] as const;

// The id is unique within the tenant, so that nobody learns which ids others use.
function apiCallColumns({ uuid, key, word, integer, bigint, text, hash, time }: ColumnKinds) {
  return [
    `tenant_id ${uuid.sql} NOT NULL`,
    `id ${uuid.sql} NOT NULL`,
    `session_id ${uuid.sql} NULL`,
    `request_message_id ${uuid.sql} NULL`,
    `response_message_id ${uuid.sql} NULL`,
    `user_id ${uuid.sql} NULL`,
    `agent_id ${uuid.sql} NULL`,
    `model ${key.sql} NOT NULL`,
    `status ${word.sql} NOT NULL`,
    `prompt_tokens ${integer.sql} NULL`,
    `completion_tokens ${integer.sql} NULL`,
    `cached_tokens ${integer.sql} NULL`,
    `reasoning_tokens ${integer.sql} NULL`,
    `price_nano_units ${bigint.sql} NULL`,
    `currency ${word.sql} NULL`,
    `latency_ms ${integer.sql} NULL`,
    `time_to_first_token_ms ${integer.sql} NULL`,
    `created_at ${time.sql} NOT NULL`,
    `request_hash ${hash.sql} NOT NULL`,
    `error ${text.sql} NOT NULL`,
    "PRIMARY KEY (tenant_id, id)",
  ];
}
