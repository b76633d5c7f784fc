import type { MigrationInterface, QueryRunner } from "typeorm";
import type { ColumnKinds, Dialect } from "../dialect.js";
import { addIndexes, createTables, dropTables, type TableDefinition } from "./definitions.js";

/** Makes the migration that adds the calls to models. */
export function usageMigration(dialect: Dialect): new () => MigrationInterface {
  return class Usage1795478400000 implements MigrationInterface {
    readonly name = "Usage1795478400000";

    async up(queryRunner: QueryRunner): Promise<void> {
      await createTables(queryRunner, dialect, tables(dialect.kinds));
      await addIndexes(queryRunner, INDEXES);
    }

    down(queryRunner: QueryRunner): Promise<void> {
      return dropTables(queryRunner, tables(dialect.kinds));
    }
  };
}

const INDEXES = [
  ["api_calls", "api_calls_by_time", "(tenant_id, created_at, id)"],
  ["api_calls", "api_calls_by_session", "(tenant_id, session_id, created_at, id)"],
  ["api_calls", "api_calls_by_user", "(tenant_id, user_id, created_at, id)"],
  ["api_calls", "api_calls_by_agent", "(tenant_id, agent_id, created_at, id)"],
] as const;

function tables(kinds: ColumnKinds): readonly TableDefinition[] {
  return [["api_calls", apiCallColumns(kinds)]];
}

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
