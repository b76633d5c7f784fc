import type { MigrationInterface, QueryRunner } from "typeorm";
import type { ColumnKinds, Dialect } from "../dialect.js";
import { addIndexes, createTables, dropTables, type TableDefinition } from "./definitions.js";

/** Makes the migration that creates the tables. */
export function initialMigration(dialect: Dialect): new () => MigrationInterface {
  // TypeORM orders migrations by the time in their names, in milliseconds.
  return class Initial1795305600000 implements MigrationInterface {
    readonly name = "Initial1795305600000";

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
  ["sessions", "sessions_by_activity", "(tenant_id, updated_at, id)"],
  ["sessions", "sessions_by_user", "(tenant_id, user_id, updated_at, id)"],
  ["sessions", "sessions_by_agent", "(tenant_id, agent_id, updated_at, id)"],
  ["session_metadata", "session_metadata_by_entry", "(entry_hash, session_id)"],
  ["agent_state", "agent_state_by_revision", "(session_id, revision)"],
] as const;

function tables(kinds: ColumnKinds): readonly TableDefinition[] {
  return [
    ["sessions", sessionColumns(kinds)],
    ["session_metadata", sessionMetadataColumns(kinds)],
    ["messages", messageColumns(kinds)],
    ["agent_state", agentStateColumns(kinds)],
  ];
}

function sessionColumns({ uuid, key, text, bigint, integer, hash, time }: ColumnKinds) {
  return [
    `id ${uuid.sql} NOT NULL PRIMARY KEY`,
    `tenant_id ${uuid.sql} NOT NULL`,
    `session_key ${key.sql} NULL`,
    `user_id ${uuid.sql} NULL`,
    `agent_id ${uuid.sql} NULL`,
    `title ${text.sql} NOT NULL`,
    `metadata ${text.sql} NOT NULL`,
    `head_sequence ${bigint.sql} NOT NULL`,
    `message_count ${bigint.sql} NOT NULL`,
    `revision ${bigint.sql} NOT NULL`,
    `version ${bigint.sql} NOT NULL`,
    `largest_message_bytes ${integer.sql} NOT NULL`,
    `bytes ${integer.sql} NOT NULL`,
    `request_hash ${hash.sql} NOT NULL`,
    `created_at ${time.sql} NOT NULL`,
    `updated_at ${time.sql} NOT NULL`,
    `deleted_at ${time.sql} NULL`,
    "CONSTRAINT sessions_key UNIQUE (tenant_id, session_key)",
  ];
}

function sessionMetadataColumns({ uuid, hash }: ColumnKinds) {
  return [
    `session_id ${uuid.sql} NOT NULL`,
    `entry_hash ${hash.sql} NOT NULL`,
    "PRIMARY KEY (session_id, entry_hash)",
  ];
}

function messageColumns(kinds: ColumnKinds) {
  const { uuid, bigint, integer, word, text, bytes, boolean, hash, time } = kinds;
  // What is large comes last, so that reading the rest of a row need not go past it.
  return [
    `session_id ${uuid.sql} NOT NULL`,
    `sequence ${bigint.sql} NOT NULL`,
    `id ${uuid.sql} NOT NULL`,
    `role ${word.sql} NOT NULL`,
    `status ${word.sql} NOT NULL`,
    `bytes ${integer.sql} NOT NULL`,
    `version ${bigint.sql} NOT NULL`,
    `revision ${bigint.sql} NOT NULL`,
    `created_at ${time.sql} NOT NULL`,
    `updated_at ${time.sql} NOT NULL`,
    `deleted_at ${time.sql} NULL`,
    `request_hash ${hash.sql} NOT NULL`,
    `pinned ${boolean.sql} NOT NULL`,
    `token_count ${integer.sql} NULL`,
    `raw_media_type ${text.sql} NULL`,
    `metadata ${text.sql} NULL`,
    `parts ${text.sql} NULL`,
    `content ${text.sql} NOT NULL`,
    `raw_data ${bytes.sql} NULL`,
    "PRIMARY KEY (session_id, sequence)",
    "CONSTRAINT messages_id UNIQUE (session_id, id)",
  ];
}

// Its id is unique within the session, not in the table: were it the primary key, putting a
// state with an id that another tenant uses would tell that it is in use.
function agentStateColumns(kinds: ColumnKinds) {
  const { uuid, key, bigint, integer, text, bytes, hash, time } = kinds;
  return [
    `session_id ${uuid.sql} NOT NULL`,
    `state_key ${key.sql} NOT NULL`,
    `version ${bigint.sql} NOT NULL`,
    `id ${uuid.sql} NOT NULL`,
    `bytes ${integer.sql} NOT NULL`,
    `revision ${bigint.sql} NOT NULL`,
    `created_at ${time.sql} NOT NULL`,
    `deleted_at ${time.sql} NULL`,
    `request_hash ${hash.sql} NOT NULL`,
    `media_type ${text.sql} NOT NULL`,
    `state ${text.sql} NULL`,
    `data ${bytes.sql} NULL`,
    "PRIMARY KEY (session_id, state_key, version)",
    "CONSTRAINT agent_state_id UNIQUE (session_id, id)",
  ];
}
