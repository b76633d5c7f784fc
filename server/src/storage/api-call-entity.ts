import { type Columns, nullable, primary } from "./columns.js";
import { EntitySchema } from "./typeorm.js";

/** A row of `api_calls`: a call to a model. It outlives its session. */
export interface ApiCallRow {
  tenantId: string;
  id: string;
  sessionId: string | null;
  requestMessageId: string | null;
  responseMessageId: string | null;
  userId: string | null;
  agentId: string | null;
  model: string;
  status: string;
  promptTokens: number | null;
  completionTokens: number | null;
  cachedTokens: number | null;
  reasoningTokens: number | null;
  /** Null where the price is unknown, as the currency is then. */
  priceNanoUnits: number | null;
  currency: string | null;
  latencyMs: number | null;
  timeToFirstTokenMs: number | null;
  error: string;
  requestHash: Buffer;
  createdAt: Date;
}

/** Describes the table of API calls with a database's column types. */
export function apiCallEntity({
  uuid,
  key,
  word,
  integer,
  bigint,
  text,
  hash,
  time,
}: Columns): EntitySchema<ApiCallRow> {
  return new EntitySchema<ApiCallRow>({
    name: "api_call",
    tableName: "api_calls",
    columns: {
      tenantId: primary(uuid("tenant_id")),
      id: primary(uuid("id")),
      sessionId: nullable(uuid("session_id")),
      requestMessageId: nullable(uuid("request_message_id")),
      responseMessageId: nullable(uuid("response_message_id")),
      userId: nullable(uuid("user_id")),
      agentId: nullable(uuid("agent_id")),
      model: key("model"),
      status: word("status"),
      promptTokens: nullable(integer("prompt_tokens")),
      completionTokens: nullable(integer("completion_tokens")),
      cachedTokens: nullable(integer("cached_tokens")),
      reasoningTokens: nullable(integer("reasoning_tokens")),
      priceNanoUnits: nullable(bigint("price_nano_units")),
      currency: nullable(word("currency")),
      latencyMs: nullable(integer("latency_ms")),
      timeToFirstTokenMs: nullable(integer("time_to_first_token_ms")),
      error: text("error"),
      requestHash: hash("request_hash"),
      createdAt: time("created_at"),
    },
  });
}
