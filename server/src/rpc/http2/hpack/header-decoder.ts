import { BlockReader } from "./block-reader.js";
import { DynamicTable } from "./dynamic-table.js";
import { HeaderBlockError } from "./header-block-error.js";
import { type HeaderField, toHeaderField } from "./header-field.js";
import { type DecodedHeaders, HeaderList } from "./header-list.js";
import { STATIC_TABLE } from "./static-table.js";

/** What a client may have in its table unless it is told otherwise: https://www.rfc-editor.org/rfc/rfc9113#section-6.5.2 */
const MAX_TABLE_BYTES = 4096;

/** How a field is represented: a bit of its first byte says so, and the bits below begin an integer. */
const INDEXED = 0x80;
const INDEXED_MASK = 0x7f;
const LITERAL_FOR_TABLE = 0x40;
const LITERAL_FOR_TABLE_MASK = 0x3f;
const TABLE_SIZE = 0x20;
const TABLE_SIZE_MASK = 0x1f;
const LITERAL_MASK = 0x0f;

/** A longer block is decoded each time. */
const MAX_KNOWN_BYTES = 128;
const MAX_KNOWN_BLOCKS = 32;
/** One that makes more of what is in the table is decoded each time, too: it would not be kept for its few bytes. */
const MAX_KNOWN_LIST_BYTES = 2 * 1024;

/**
 * Decodes the header blocks of one connection, each in its turn.
 *
 * A client sends much the same block for each of its calls, so that short ones are looked up as a
 * whole, as long as what they refer to stays as it is.
 * Source of the format: https://www.rfc-editor.org/rfc/rfc7541#section-6
 */
export class HeaderDecoder {
  readonly #maxListBytes: number;
  readonly #table = new DynamicTable(MAX_TABLE_BYTES);
  /** Blocks that changed no table, by their bytes as Latin-1. */
  readonly #known = new Map<string, DecodedHeaders>();
  /** The changes that the table had had when those were decoded. */
  #knownChanges = 0;

  /** It keeps fields up to `maxListBytes`: of each the name, the value, and 32 more. */
  constructor(maxListBytes: number) {
    this.#maxListBytes = maxListBytes;
  }

  /**
   * Decodes a whole block: what HEADERS and its CONTINUATIONs carry, put together.
   *
   * @throws HeaderBlockError if it cannot be decoded; no other block can be, then.
   */
  decode(block: Buffer): DecodedHeaders {
    if (block.length > MAX_KNOWN_BYTES) return this.#decode(block);
    const key = block.toString("latin1");
    const known = this.#known.get(key);
    if (known !== undefined && this.#isUnchanged) return known;
    const { changes } = this.#table;
    const decoded = this.#decode(block);
    const isSmall = decoded.byteLength <= MAX_KNOWN_LIST_BYTES;
    if (isSmall && this.#table.changes === changes) this.#keep(key, decoded);
    return decoded;
  }

  get #isUnchanged(): boolean {
    return this.#table.changes === this.#knownChanges;
  }

  #keep(key: string, decoded: DecodedHeaders): void {
    if (!this.#isUnchanged || this.#known.size === MAX_KNOWN_BLOCKS) this.#known.clear();
    this.#knownChanges = this.#table.changes;
    this.#known.set(key, decoded);
  }

  #decode(block: Buffer): HeaderList {
    const reader = new BlockReader(block);
    const list = new HeaderList(this.#maxListBytes);
    this.#readTableSizes(reader);
    while (reader.hasMore) list.add(this.#readField(reader));
    return list;
  }

  #readTableSizes(reader: BlockReader): void {
    while (reader.hasMore && isTableSize(reader.peek())) {
      const maxBytes = reader.readInteger(TABLE_SIZE_MASK);
      if (maxBytes > MAX_TABLE_BYTES) throw new HeaderBlockError("the table is too large");
      this.#table.resize(maxBytes);
    }
  }

  #readField(reader: BlockReader): HeaderField {
    const first = reader.peek();
    if ((first & INDEXED) !== 0) return this.#fieldAt(reader.readInteger(INDEXED_MASK));
    if ((first & LITERAL_FOR_TABLE) !== 0) {
      const field = this.#readLiteral(reader, LITERAL_FOR_TABLE_MASK);
      this.#table.add(field);
      return field;
    }
    if (isTableSize(first)) throw new HeaderBlockError("the table is resized after a field");
    return this.#readLiteral(reader, LITERAL_MASK);
  }

  #readLiteral(reader: BlockReader, indexMask: number): HeaderField {
    const index = reader.readInteger(indexMask);
    const name = index === 0 ? reader.readString() : this.#fieldAt(index).name;
    return toHeaderField(name, reader.readString());
  }

  #fieldAt(index: number): HeaderField {
    const { length } = STATIC_TABLE;
    const field = index > length ? this.#table.at(index - length - 1) : STATIC_TABLE[index - 1];
    if (field === undefined) throw new HeaderBlockError(`there is no field ${index}`);
    return field;
  }
}

function isTableSize(first: number): boolean {
  return (first & (INDEXED | LITERAL_FOR_TABLE | TABLE_SIZE)) === TABLE_SIZE;
}
