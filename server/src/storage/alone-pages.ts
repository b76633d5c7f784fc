import type { SessionPosition } from "../domain/change-storage.js";
import {
  type EncodedBounds,
  type EncodedPage,
  PageEncoding,
} from "../domain/history-cache/encoded-page.js";
import type { LikelyRange, MessageRange, PageBounds, SessionRef } from "../domain/storage.js";
import type { Connection, Database } from "./database.js";
import type { Statement } from "./dialect.js";
import { LiveMessageRows } from "./live-message-rows.js";
import { largestFitting, type MessageRowPage, toRowPage } from "./message-rows.js";
import { type LimitedSelection, toSelect } from "./message-selection.js";
import type { SessionHead } from "./session-row.js";

/**
 * What {@link isReadAlone} tells, and that the tenant has the session: its parameters are its
 * id, the tenant, and the size.
 */
const IS_READ_ALONE =
  "EXISTS (SELECT 1 FROM sessions WHERE id = ? AND tenant_id = ? AND deleted_at IS NULL AND tree_id IS NULL AND largest_message_bytes <= ?)";

/** Where a session is, as one text; its parameter is the session's id. */
const POSITION =
  "(SELECT concat_ws(' ', head_sequence, message_count, revision, change_revision) FROM sessions WHERE id = ?)";

/** Where a session is, and the first rows of a page of it at that moment. */
export interface Opening {
  readonly position: SessionPosition;
  readonly page: MessageRowPage;
}

/**
 * Reads pages of sessions of which nothing is known yet, by one statement each: it gives nothing
 * unless {@link isReadAlone} is true of the session, and the tenant has it.
 */
export class AlonePages {
  readonly #live: LiveMessageRows;

  constructor(database: Database) {
    this.#live = new LiveMessageRows(database.dialect.rawRows);
  }

  /** Reads the rows of a range that fit the bounds. */
  async read(
    connection: Connection,
    ref: SessionRef,
    range: MessageRange,
    bounds: PageBounds,
  ): Promise<MessageRowPage> {
    const statement = this.#toSelect(ref, range, bounds);
    const rows = await this.#live.read(connection, ref.sessionId, statement);
    return toRowPage(rows, bounds);
  }

  /** Reads a page as {@link AlonePages.read} does, and encodes it meanwhile. */
  async encode(
    connection: Connection,
    ref: SessionRef,
    range: MessageRange,
    bounds: EncodedBounds,
  ): Promise<EncodedPage> {
    const statement = this.#toSelect(ref, range, bounds);
    const encoding = new PageEncoding(bounds.encode);
    await this.#live.pass(connection, ref.sessionId, statement, (message) => encoding.add(message));
    return encoding.end(bounds.maxItems);
  }

  /** Reads where a session is, and the messages that are likely to be asked for; undefined if there are none. */
  async open(
    connection: Connection,
    ref: SessionRef,
    { afterSequence, maxItems }: LikelyRange,
    { maxBytes }: PageBounds,
  ): Promise<Opening | undefined> {
    const upToSequence = Number.MAX_SAFE_INTEGER;
    const range = { afterSequence, upToSequence, order: "ascending" } as const;
    const bounds = { maxItems, maxBytes };
    const [sql, parameters] = this.#toSelect(ref, range, bounds, `, ${POSITION}`);
    const statement: Statement = [sql, [ref.sessionId, ...parameters]];
    let position = "";
    const rows = await this.#live.read(connection, ref.sessionId, statement, (value) => {
      position = String(value);
    });
    if (rows.length === 0) return undefined;
    return { position: toPosition(position), page: toRowPage(rows, bounds) };
  }

  #toSelect(
    { tenantId, sessionId }: SessionRef,
    range: MessageRange,
    bounds: PageBounds,
    more = "",
  ): Statement {
    const selection: LimitedSelection = {
      ...range,
      condition: IS_READ_ALONE,
      conditionParameters: [sessionId, tenantId, largestFitting(bounds)],
      limit: bounds.maxItems + 1,
    };
    const { sql, parameters } = toSelect(sessionId, selection, `${this.#live.columns}${more}`);
    return [sql, parameters];
  }
}

/**
 * Whether one statement can read a page of a session without looking at it before: all of its
 * messages lie under its own id, and so many of the largest one fit.
 */
export function isReadAlone(
  { treeId, largestMessageBytes }: Pick<SessionHead, "treeId" | "largestMessageBytes">,
  bounds: PageBounds,
): boolean {
  return treeId === null && largestMessageBytes <= largestFitting(bounds);
}

function toPosition(text: string): SessionPosition {
  const [headSequence = 0, messageCount = 0, revision = 0, changeRevision = 0] = text
    .split(" ")
    .map(Number);
  return { headSequence, messageCount, revision, changeRevision };
}
