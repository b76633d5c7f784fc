import { type ApiCallRow, apiCallEntity } from "./api-call-entity.js";
import { type Columns, columnsOf, nullable, primary } from "./columns.js";
import type { ColumnKinds } from "./dialect.js";
import { EntitySchema } from "./typeorm.js";

/** A row of `sessions`: a session, or what is left of a deleted one. */
export interface SessionRow {
  id: string;
  tenantId: string;
  sessionKey: string | null;
  userId: string | null;
  agentId: string | null;
  title: string;
  /** JSON text. */
  metadata: string;
  headSequence: number;
  messageCount: number;
  revision: number;
  version: number;
  /** The newest revision that did anything but append messages. */
  changeRevision: number;
  /** The most bytes that a message of the session has had: what a page of it can weigh. */
  largestMessageBytes: number;
  /** The session that it was forked from; null for one that is no fork. */
  forkSessionId: string | null;
  /** The last sequence that it has from there; 0 for one that is no fork. */
  forkSequence: number;
  /** Up to which sequence its messages stay as they are where they lie, since others may show them. */
  frozenThrough: number;
  /** Whether `session_layers` says where its messages lie; if not, they lie under its own id. */
  isLayered: boolean;
  /** The layer to which its edits of frozen messages go; null if there is none yet. */
  editLayerId: string | null;
  /** Its row in `session_trees`; null if it shares nothing with any other. */
  treeId: string | null;
  /** About how many bytes its title and metadata take on the wire: what pages are measured by. */
  bytes: number;
  requestHash: Buffer;
  createdAt: Date;
  updatedAt: Date;
  deletedAt: Date | null;
}

/** A row of `session_metadata`: a hash of one top-level key and its scalar value, to be found by. */
export interface SessionMetadataRow {
  sessionId: string;
  entryHash: Buffer;
}

/** A row of `session_layers`: where a part of a session's messages lies. */
export interface SessionLayerRow {
  sessionId: string;
  /** Of two layers that have a message, the higher one counts. */
  height: number;
  /** Under which session id `messages` has it. */
  layerId: string;
  /** What it has lies behind this sequence, and reaches up to the next one. */
  afterSequence: number;
  throughSequence: number;
}

/**
 * A row of `session_trees`: sessions that share messages. Whoever takes one of those out of
 * sight locks it, after the row of the session.
 */
export interface SessionTreeRow {
  id: string;
}

/** A row of `messages`: a message, or the tombstone of one. */
export interface MessageRow {
  /** The id of its session, or of a layer that sessions share. */
  sessionId: string;
  sequence: number;
  id: string;
  role: string;
  content: string;
  /** JSON text, or null for none. */
  parts: string | null;
  /** JSON text, or null for none. */
  metadata: string | null;
  rawData: Buffer | null;
  rawMediaType: string | null;
  pinned: boolean;
  status: string;
  tokenCount: number | null;
  bytes: number;
  version: number;
  revision: number;
  requestHash: Buffer;
  createdAt: Date;
  updatedAt: Date;
  deletedAt: Date | null;
}

/**
 * A row of `session_changes`: the newest change of one message, of what lies after one
 * sequence, or of the session itself. With it, those who were away learn of changes.
 */
export interface SessionChangeRow {
  sessionId: string;
  /** `message`, `clear` or `session`. */
  kind: string;
  /** The message's sequence; the sequence after which was cleared; 0 for the session. */
  sequence: number;
  revision: number;
  /** The head when messages were cleared; 0 for the others. */
  throughSequence: number;
  /** The layer in which the message lies; null where that is the session's own. */
  layerId: string | null;
}

/** A row of `message_writes`: the lease on a message that is being written. */
export interface MessageWriteRow {
  sessionId: string;
  sequence: number;
  /** The session's revision when the writer took the message, so that no two are equal. */
  epoch: number;
  /** Null once the writer has let go of it. */
  writerId: string | null;
  /** By the database's clock, in milliseconds since 1970. */
  expiresAt: number;
  /** The layer in which the message lies; null where that is the session's own. */
  layerId: string | null;
}

/** A row of `agent_state`: a version of a state, or the tombstone of one. */
export interface AgentStateRow {
  sessionId: string;
  stateKey: string;
  version: number;
  id: string;
  /** JSON text, or null where there are bytes. */
  state: string | null;
  data: Buffer | null;
  mediaType: string;
  bytes: number;
  revision: number;
  /** The session's head when it was put. */
  headSequence: number;
  requestHash: Buffer;
  createdAt: Date;
  deletedAt: Date | null;
}

/** The entities of one database. */
export interface Entities {
  readonly session: EntitySchema<SessionRow>;
  readonly sessionMetadata: EntitySchema<SessionMetadataRow>;
  readonly message: EntitySchema<MessageRow>;
  readonly agentState: EntitySchema<AgentStateRow>;
  readonly sessionChange: EntitySchema<SessionChangeRow>;
  readonly messageWrite: EntitySchema<MessageWriteRow>;
  readonly apiCall: EntitySchema<ApiCallRow>;
  readonly sessionLayer: EntitySchema<SessionLayerRow>;
  readonly sessionTree: EntitySchema<SessionTreeRow>;
}

/** Describes the tables with a database's column types. */
export function createEntities(kinds: ColumnKinds): Entities {
  const columns = columnsOf(kinds);
  return {
    session: sessionEntity(columns),
    sessionMetadata: sessionMetadataEntity(columns),
    message: messageEntity(columns),
    agentState: agentStateEntity(columns),
    sessionChange: sessionChangeEntity(columns),
    messageWrite: messageWriteEntity(columns),
    apiCall: apiCallEntity(columns),
    sessionLayer: sessionLayerEntity(columns),
    sessionTree: sessionTreeEntity(columns),
  };
}

function sessionEntity(columns: Columns) {
  const { uuid, key, text, bigint, integer, boolean, hash, time } = columns;
  return new EntitySchema<SessionRow>({
    name: "session",
    tableName: "sessions",
    columns: {
      id: primary(uuid("id")),
      tenantId: uuid("tenant_id"),
      sessionKey: nullable(key("session_key")),
      userId: nullable(uuid("user_id")),
      agentId: nullable(uuid("agent_id")),
      title: text("title"),
      metadata: text("metadata"),
      headSequence: bigint("head_sequence"),
      messageCount: bigint("message_count"),
      revision: bigint("revision"),
      version: bigint("version"),
      changeRevision: bigint("change_revision"),
      largestMessageBytes: integer("largest_message_bytes"),
      bytes: integer("bytes"),
      requestHash: hash("request_hash"),
      createdAt: time("created_at"),
      updatedAt: time("updated_at"),
      deletedAt: nullable(time("deleted_at")),
      forkSessionId: nullable(uuid("fork_session_id")),
      forkSequence: bigint("fork_sequence"),
      frozenThrough: bigint("frozen_through"),
      isLayered: boolean("is_layered"),
      editLayerId: nullable(uuid("edit_layer_id")),
      treeId: nullable(uuid("tree_id")),
    },
  });
}

function sessionMetadataEntity({ uuid, hash }: Columns) {
  return new EntitySchema<SessionMetadataRow>({
    name: "session_metadata",
    tableName: "session_metadata",
    columns: {
      sessionId: primary(uuid("session_id")),
      entryHash: primary(hash("entry_hash")),
    },
  });
}

function messageEntity(columns: Columns) {
  const { uuid, bigint, integer, word, text, bytes, boolean, hash, time } = columns;
  return new EntitySchema<MessageRow>({
    name: "message",
    tableName: "messages",
    columns: {
      sessionId: primary(uuid("session_id")),
      sequence: primary(bigint("sequence")),
      id: uuid("id"),
      role: word("role"),
      content: text("content"),
      parts: nullable(text("parts")),
      metadata: nullable(text("metadata")),
      rawData: nullable(bytes("raw_data")),
      rawMediaType: nullable(text("raw_media_type")),
      pinned: boolean("pinned"),
      status: word("status"),
      tokenCount: nullable(integer("token_count")),
      bytes: integer("bytes"),
      version: bigint("version"),
      revision: bigint("revision"),
      requestHash: hash("request_hash"),
      createdAt: time("created_at"),
      updatedAt: time("updated_at"),
      deletedAt: nullable(time("deleted_at")),
    },
  });
}

function agentStateEntity(columns: Columns) {
  const { uuid, key, bigint, integer, text, bytes, hash, time } = columns;
  return new EntitySchema<AgentStateRow>({
    name: "agent_state",
    tableName: "agent_state",
    columns: {
      sessionId: primary(uuid("session_id")),
      stateKey: primary(key("state_key")),
      version: primary(bigint("version")),
      id: uuid("id"),
      state: nullable(text("state")),
      data: nullable(bytes("data")),
      mediaType: text("media_type"),
      bytes: integer("bytes"),
      revision: bigint("revision"),
      headSequence: bigint("head_sequence"),
      requestHash: hash("request_hash"),
      createdAt: time("created_at"),
      deletedAt: nullable(time("deleted_at")),
    },
  });
}

function sessionChangeEntity({ uuid, word, bigint }: Columns) {
  return new EntitySchema<SessionChangeRow>({
    name: "session_change",
    tableName: "session_changes",
    columns: {
      sessionId: primary(uuid("session_id")),
      kind: primary(word("kind")),
      sequence: primary(bigint("sequence")),
      revision: bigint("revision"),
      throughSequence: bigint("through_sequence"),
      layerId: nullable(uuid("layer_id")),
    },
  });
}

function sessionLayerEntity({ uuid, bigint, integer }: Columns) {
  return new EntitySchema<SessionLayerRow>({
    name: "session_layer",
    tableName: "session_layers",
    columns: {
      sessionId: primary(uuid("session_id")),
      height: primary(integer("height")),
      layerId: uuid("layer_id"),
      afterSequence: bigint("after_sequence"),
      throughSequence: bigint("through_sequence"),
    },
  });
}

function sessionTreeEntity({ uuid }: Columns) {
  return new EntitySchema<SessionTreeRow>({
    name: "session_tree",
    tableName: "session_trees",
    columns: { id: primary(uuid("id")) },
  });
}

function messageWriteEntity({ uuid, bigint }: Columns) {
  return new EntitySchema<MessageWriteRow>({
    name: "message_write",
    tableName: "message_writes",
    columns: {
      sessionId: primary(uuid("session_id")),
      sequence: primary(bigint("sequence")),
      epoch: bigint("epoch"),
      writerId: nullable(uuid("writer_id")),
      expiresAt: bigint("expires_at"),
      layerId: nullable(uuid("layer_id")),
    },
  });
}
