import { randomUUID } from "node:crypto";
import type { MessageRange } from "../domain/storage.js";
import { AlonePages } from "./alone-pages.js";
import type { Connection, Database } from "./database.js";
import type { RowValues, Statement } from "./dialect.js";
import type { MessageRow } from "./entities.js";
import { type Layer, LayerRows } from "./layer-rows.js";
import { LayeredMessages } from "./layered-messages.js";
import { MessageLookup, type MessageRequestRow } from "./message-lookup.js";
import {
  type KeptRange,
  type MessageRowPage,
  MessageRows,
  type SizedBounds,
} from "./message-rows.js";
import type { SessionHead } from "./session-row.js";
import { SessionTrees } from "./session-trees.js";
import { UnshownMessages } from "./unshown-messages.js";

/** What tells where the messages of a session lie. */
export type MessagePlaces = Pick<
  SessionHead,
  "id" | "headSequence" | "frozenThrough" | "isLayered" | "editLayerId" | "treeId"
>;

/** Which messages, counted from the newest. */
interface CountedRange {
  readonly count: number;
  readonly upToSequence: number;
}

/** The messages of a session that lies in layers, up to its head. */
interface Layered<Range> {
  readonly layers: readonly Layer[];
  readonly range: Range;
}

/**
 * The messages of sessions, wherever they lie: whatever reads them comes through here.
 *
 * They lie under the session's own id, unless it is a fork, or was edited after it was
 * forked. Then `session_layers` has the layers that they lie in. What is shared with a fork
 * never changes: an edit of it is a copy in a higher layer. What no session shows any more
 * after that is erased at once.
 */
export class SessionMessages {
  /** Reads what may be read without looking at the session before. */
  readonly alone: AlonePages;
  readonly #rows: MessageRows;
  readonly #lookup: MessageLookup;
  readonly #layers: LayerRows;
  readonly #layered: LayeredMessages;
  readonly #trees: SessionTrees;
  readonly #unshown: UnshownMessages;

  constructor(database: Database) {
    this.alone = new AlonePages(database);
    this.#rows = new MessageRows(database);
    this.#lookup = new MessageLookup(database);
    this.#layers = new LayerRows(database);
    this.#layered = new LayeredMessages(this.#rows);
    this.#trees = new SessionTrees(database);
    this.#unshown = new UnshownMessages(this.#layers);
  }

  /** Inserts the rows of messages that are new. */
  insert(connection: Connection, rows: readonly MessageRow[]): Promise<void> {
    return this.#rows.insert(connection, rows);
  }

  /** Gives the statements that insert the rows of messages that are new. */
  toInserts(rows: readonly MessageRow[]): readonly Statement[] {
    return this.#rows.toInserts(rows);
  }

  /** Gives the columns of a message that is new, for a statement of the dialect's. */
  toValues(row: MessageRow): RowValues {
    return this.#rows.toValues(row);
  }

  /** Finds the row of the message that has an id, tombstones included. */
  find(
    connection: Connection,
    session: MessagePlaces,
    id: string,
  ): Promise<MessageRow | undefined> {
    return this.#lookup.find(connection, session, id);
  }

  /** Finds what tells a repeated request, see {@link MessageLookup.findRequests}. */
  findRequests(
    connection: Connection,
    session: MessagePlaces,
    ids: readonly string[],
  ): Promise<readonly MessageRequestRow[]> {
    return this.#lookup.findRequests(connection, session, ids);
  }

  /** Reads the rows of a range that fit the bounds, see {@link MessageRows.read}. */
  async read(
    connection: Connection,
    session: MessagePlaces,
    range: MessageRange,
    bounds: SizedBounds,
  ): Promise<MessageRowPage> {
    if (!session.isLayered) return this.#rows.read(connection, session.id, range, bounds);
    const layered = await this.#layeredRange(connection, session, range);
    return this.#layered.read(connection, layered.layers, layered.range, bounds);
  }

  /** Reads the rows of a range that are kept, see {@link MessageRows.readKept}. */
  async readKept(
    connection: Connection,
    session: MessagePlaces,
    range: KeptRange,
    bounds: SizedBounds,
  ): Promise<MessageRowPage> {
    if (!session.isLayered) return this.#rows.readKept(connection, session.id, range, bounds);
    const layered = await this.#layeredRange(connection, session, range);
    return this.#layered.readKept(connection, layered.layers, layered.range, bounds);
  }

  /** Gives the sequence of the newest message but `count`, up to a sequence; 0 if there is none. */
  async sequenceBeforeLast(
    connection: Connection,
    session: MessagePlaces,
    range: CountedRange,
  ): Promise<number> {
    if (!session.isLayered) return this.#rows.sequenceBeforeLast(connection, session.id, range);
    const layered = await this.#layeredRange(connection, session, range);
    return this.#layered.sequenceBeforeLast(connection, layered.layers, layered.range);
  }

  /**
   * Counts the messages that a session has up to a sequence. Where some were deleted, those
   * before or behind it are counted, whichever are fewer.
   */
  async countThrough(
    connection: Connection,
    session: MessagePlaces & Pick<SessionHead, "messageCount">,
    sequence: number,
  ): Promise<number> {
    const { headSequence, messageCount } = session;
    // Nothing was ever deleted, or nothing lies behind: there is nothing to count.
    if (messageCount === headSequence || sequence === 0) return sequence;
    if (sequence === headSequence) return messageCount;
    const isNearHead = headSequence - sequence < sequence;
    const [afterSequence, upToSequence] = isNearHead ? [sequence, headSequence] : [0, sequence];
    const count = await this.#count(connection, session, { afterSequence, upToSequence });
    return isNearHead ? messageCount - count : count;
  }

  /**
   * Gives the row of a message where it may be changed: a copy of it, if it is shared.
   *
   * The session must be locked.
   */
  async own(connection: Connection, session: MessagePlaces, row: MessageRow): Promise<MessageRow> {
    const places = await this.#prepare(connection, session, [row]);
    const [copy = row] = await this.#copy(connection, places, [row]);
    return copy;
  }

  /**
   * Puts other rows above those of messages that are shared, and tells where the session's
   * messages lie then. They say in which layer the messages lay.
   *
   * The session must be locked.
   */
  async cover<Session extends MessagePlaces>(
    connection: Connection,
    session: Session,
    rows: readonly MessageRow[],
  ): Promise<Session> {
    const places = await this.#prepare(connection, session, rows);
    await this.#copy(connection, places, rows);
    return places;
  }

  /**
   * Deletes what a session, which is locked, has of messages and shares with no other.
   */
  async remove(connection: Connection, session: MessagePlaces): Promise<void> {
    await this.#trees.lock(connection, session);
    const layers = await this.#layers.read(connection, session);
    await this.#layers.remove(connection, session.id);
    for (const { layerId } of layers) await this.#unshown.removeAll(connection, layerId);
  }

  async #layeredRange<Range extends { readonly upToSequence: number }>(
    connection: Connection,
    session: MessagePlaces,
    range: Range,
  ): Promise<Layered<Range>> {
    const upToSequence = Math.min(range.upToSequence, session.headSequence);
    const layers = await this.#layers.read(connection, session);
    return { layers, range: { ...range, upToSequence } };
  }

  async #count(connection: Connection, session: MessagePlaces, range: KeptRange): Promise<number> {
    if (!session.isLayered) return this.#rows.count(connection, session.id, range);
    const layers = await this.#layers.read(connection, session);
    return this.#layered.count(connection, layers, range);
  }

  /** Inserts rows where changes of their messages go, and erases what nobody shows then. */
  async #copy(
    connection: Connection,
    places: MessagePlaces,
    rows: readonly MessageRow[],
  ): Promise<readonly MessageRow[]> {
    const copies = rows.map((row) => ({ ...row, sessionId: layerForChange(places, row) }));
    const isMoved = (_: MessageRow, index: number) =>
      rows[index]?.sessionId !== copies[index]?.sessionId;
    const left = rows.filter(isMoved);
    if (left.length === 0) return copies;
    await this.#trees.lock(connection, places);
    await this.#rows.insert(connection, copies.filter(isMoved));
    for (const layerId of new Set(left.map(({ sessionId }) => sessionId))) {
      const here = left.filter(({ sessionId }) => sessionId === layerId);
      const sequences = here.map(({ sequence }) => sequence);
      await this.#unshown.remove(connection, layerId, sequences);
    }
    return copies;
  }

  /** Sees to it that there is a layer for the changes of messages. */
  async #prepare<Session extends MessagePlaces>(
    connection: Connection,
    session: Session,
    rows: readonly MessageRow[],
  ): Promise<Session> {
    const isFrozen = rows.some(({ sequence }) => sequence <= session.frozenThrough);
    if (!isFrozen || session.editLayerId !== null) return session;
    const added = { isLayered: true, editLayerId: randomUUID() };
    await this.#layers.addAbove(connection, session, added.editLayerId);
    const { manager, entities } = connection;
    await manager.update(entities.session, { id: session.id }, added);
    return { ...session, ...added };
  }
}

/** The layer to which a change of a message goes. */
function layerForChange(
  { id, frozenThrough, editLayerId }: MessagePlaces,
  { sequence }: Pick<MessageRow, "sequence">,
): string {
  return sequence <= frozenThrough && editLayerId !== null ? editLayerId : id;
}
