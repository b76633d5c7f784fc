import type { HeaderField } from "./header-field.js";

/**
 * The values of fields by their names, without a prototype. Of a field that was repeated, the
 * values are joined as https://www.rfc-editor.org/rfc/rfc9110#section-5.3 says.
 */
export type HeaderFields = Readonly<Record<string, string>>;

/** What a header block says. One object may stand for several blocks that say the same. */
export interface DecodedHeaders {
  /** All fields, or as many as there is room for. */
  readonly fields: HeaderFields;
  /** Whether there were more fields than are taken, which were dropped unseen. */
  readonly isTooLarge: boolean;
  /** Whether the fields are such as no request may have, and the stream must end with PROTOCOL_ERROR. */
  readonly isMalformed: boolean;
}

/**
 * How long a value may be that several fields make up: a block of few bytes can name a field of the
 * table so often that whoever looks at the value would have thousands of times as much to read.
 */
const MAX_JOINED_LENGTH = 4 * 1024;

/** A list of fields as it is decoded, one after the other. */
export class HeaderList implements DecodedHeaders {
  readonly fields: Record<string, string> = Object.create(null);
  isTooLarge = false;
  isMalformed = false;
  readonly #maxBytes: number;
  #byteLength = 0;
  #hasRegular = false;

  /** It keeps fields up to `maxBytes`, as https://www.rfc-editor.org/rfc/rfc9113#section-6.5.2 counts. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** How many bytes its fields have, those included that were not kept. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** Adds a field, if there is room for it and for all before it. */
  add(field: HeaderField): void {
    this.#byteLength += field.byteLength;
    if (this.#byteLength > this.#maxBytes) {
      this.isTooLarge = true;
      return;
    }
    const { name, value, kind } = field;
    const earlier = this.fields[name];
    if (earlier !== undefined && earlier.length + value.length > MAX_JOINED_LENGTH) {
      this.isTooLarge = true;
      return;
    }
    this.fields[name] = earlier === undefined ? value : join(name, earlier, value);
    if (kind === "regular") this.#hasRegular = true;
    else if (kind === "malformed" || this.#hasRegular || earlier !== undefined) {
      this.isMalformed = true;
    }
  }
}

function join(name: string, earlier: string, value: string): string {
  return earlier + (name === "cookie" ? "; " : ", ") + value;
}
