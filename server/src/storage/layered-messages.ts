import type { MessageRange, PageBounds } from "../domain/storage.js";
import { takePage } from "./bounded-page.js";
import type { Connection } from "./database.js";
import type { Layer } from "./layer-rows.js";
import type { LayerMessage } from "./live-message-rows.js";
import type {
  KeptRange,
  MessageKeyRow,
  MessageRowPage,
  MessageRows,
  SizedBounds,
} from "./message-rows.js";

/** How many sequences are looked at together first, and at most, where nothing else says it. */
const FIRST_WINDOW = 1_024;
const MAX_WINDOW = 16_384;

/** A message that counts, and the layer that has it. */
type Key = MessageKeyRow & { readonly layerId: string };

/**
 * Reads messages that lie in several layers, of which the higher ones count. What of the
 * layers it reads must not change meanwhile: a snapshot, or a locked session.
 *
 * It looks at the layers by windows of sequences: so it reads those alone that have
 * something there, however many there are.
 */
export class LayeredMessages {
  readonly #rows: MessageRows;

  constructor(rows: MessageRows) {
    this.#rows = rows;
  }

  /** Reads the rows of a range that fit the bounds; tombstones are left out. */
  async read(
    connection: Connection,
    layers: readonly Layer[],
    range: MessageRange,
    bounds: PageBounds,
  ): Promise<MessageRowPage> {
    const { maxItems, maxBytes } = bounds;
    const found: Key[] = [];
    let bytes = 0;
    for await (const key of this.#keys(connection, layers, range, maxItems + 1)) {
      found.push(key);
      bytes += key.bytes;
      if (found.length > maxItems || (found.length > 1 && bytes > maxBytes)) break;
    }
    const { items, hasMore } = takePage(found, bounds, (key) => key.bytes);
    const rows = await this.#fetch(connection, items);
    return { rows: rows.sort(orderOf(range)), hasMore };
  }

  /** Reads the rows of a range that are kept and fit the bounds, in ascending order. */
  async readKept(
    connection: Connection,
    layers: readonly Layer[],
    range: KeptRange,
    bounds: SizedBounds,
  ): Promise<MessageRowPage> {
    for (let rest = range; ; ) {
      const found: LayerMessage[] = [];
      let end = Number.POSITIVE_INFINITY;
      const parts = within(layers, rest);
      const ids = parts.map(({ layerId }) => layerId);
      const keeping = await this.#rows.findKeeping(connection, ids, rest);
      for (const { layerId, ...part } of parts.filter((part) => keeping.has(part.layerId))) {
        const page = await this.#rows.readKept(connection, layerId, part, bounds);
        found.push(...page.rows);
        if (page.hasMore) end = Math.min(end, page.rows.at(-1)?.sequence ?? end);
      }
      // What follows a page that is full is not known: nothing after its end may be given.
      const known = found.filter(({ sequence }) => sequence <= end);
      const counted = await this.#counted(connection, layers, known);
      const { items, hasMore } = takePage(counted, bounds, ({ bytes }) => bytes);
      const isCut = end < Number.POSITIVE_INFINITY;
      if (items.length > 0 || !isCut) return { rows: items, hasMore: hasMore || isCut };
      rest = { ...rest, afterSequence: end };
    }
  }

  /** Gives the sequence of the newest message but `count`, up to a sequence; 0 if there is none. */
  async sequenceBeforeLast(
    connection: Connection,
    layers: readonly Layer[],
    { count, upToSequence }: { readonly count: number; readonly upToSequence: number },
  ): Promise<number> {
    const range = { afterSequence: 0, upToSequence, order: "descending" } as const;
    let left = count;
    for await (const { sequence } of this.#keys(connection, layers, range, FIRST_WINDOW)) {
      if (left === 0) return sequence;
      left -= 1;
    }
    return 0;
  }

  /** Counts the messages of a range; tombstones are left out. */
  async count(
    connection: Connection,
    layers: readonly Layer[],
    { afterSequence, upToSequence }: KeptRange,
  ): Promise<number> {
    let count = 0;
    const range = { afterSequence, upToSequence, order: "ascending" } as const;
    for await (const _ of this.#keys(connection, layers, range, MAX_WINDOW)) count += 1;
    return count;
  }

  /** Gives those of some rows that are in no higher layer, in ascending order. */
  async #counted(
    connection: Connection,
    layers: readonly Layer[],
    rows: readonly LayerMessage[],
  ): Promise<readonly LayerMessage[]> {
    const layerOf = new Map(layers.map((layer) => [layer.layerId, layer]));
    const sequences = rows.map(({ sequence }) => sequence);
    const highest = new Map<number, Layer>();
    for (const place of await this.#rows.findPlaces(connection, [...layerOf.keys()], sequences)) {
      const { sequence } = place;
      const layer = layerOf.get(place.sessionId);
      if (layer === undefined || !isWithin(layer, sequence)) continue;
      if (layer.height > (highest.get(sequence)?.height ?? Number.NEGATIVE_INFINITY)) {
        highest.set(sequence, layer);
      }
    }
    return rows
      .filter(({ sequence, sessionId }) => highest.get(sequence)?.layerId === sessionId)
      .sort((a, b) => a.sequence - b.sequence);
  }

  /** Gives the keys of a range, in its order. `window` is how many sequences are looked at first. */
  async *#keys(
    connection: Connection,
    layers: readonly Layer[],
    range: MessageRange,
    window: number,
  ): AsyncGenerator<Key, void> {
    let size = window;
    for (let rest = range; rest.afterSequence < rest.upToSequence; ) {
      const [part, next] = cut(rest, size);
      yield* await this.#readWindow(connection, layers, part);
      rest = next;
      // Where there is little to be found, larger windows get past it.
      size = Math.max(size, Math.min(2 * size, MAX_WINDOW));
    }
  }

  async #readWindow(
    connection: Connection,
    layers: readonly Layer[],
    window: MessageRange,
  ): Promise<readonly Key[]> {
    const counted = new Map<number, Key>();
    for (const { layerId, ...part } of within(layers, window)) {
      const limit = part.upToSequence - part.afterSequence;
      for (const key of await this.#rows.readKeys(connection, layerId, part, limit)) {
        if (!counted.has(key.sequence)) counted.set(key.sequence, { ...key, layerId });
      }
    }
    const live = [...counted.values()].filter(({ deletedAt }) => deletedAt === null);
    return live.sort(orderOf(window));
  }

  /** Reads the rows of keys, in no order. */
  async #fetch(connection: Connection, keys: readonly Key[]): Promise<LayerMessage[]> {
    const rows: LayerMessage[] = [];
    for (const layerId of new Set(keys.map((key) => key.layerId))) {
      const here = keys.filter((key) => key.layerId === layerId);
      const sequences = here.map(({ sequence }) => sequence);
      rows.push(...(await this.#rows.readAt(connection, layerId, sequences)));
    }
    return rows;
  }
}

/** Gives the layers that may have something of a range, and what of it. */
function within<Range extends KeptRange>(
  layers: readonly Layer[],
  range: Range,
): readonly (Range & Pick<Layer, "layerId">)[] {
  return layers
    .map(({ layerId, afterSequence, throughSequence }) => ({
      ...range,
      layerId,
      afterSequence: Math.max(range.afterSequence, afterSequence),
      upToSequence: Math.min(range.upToSequence, throughSequence),
    }))
    .filter(({ afterSequence, upToSequence }) => afterSequence < upToSequence);
}

function isWithin({ afterSequence, throughSequence }: Layer, sequence: number): boolean {
  return sequence > afterSequence && sequence <= throughSequence;
}

/** Cuts so many sequences off the beginning of a range, in the range's order. */
function cut(range: MessageRange, size: number): readonly [MessageRange, MessageRange] {
  const { order, afterSequence, upToSequence } = range;
  if (order === "ascending") {
    const end = Math.min(upToSequence, afterSequence + size);
    return [
      { ...range, upToSequence: end },
      { ...range, afterSequence: end },
    ];
  }
  const end = Math.max(afterSequence, upToSequence - size);
  return [
    { ...range, afterSequence: end },
    { ...range, upToSequence: end },
  ];
}

function orderOf({ order }: Pick<MessageRange, "order">) {
  const direction = order === "ascending" ? 1 : -1;
  return (a: Pick<Key, "sequence">, b: Pick<Key, "sequence">) =>
    direction * (a.sequence - b.sequence);
}
