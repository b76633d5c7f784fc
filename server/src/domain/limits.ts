/** How much the server takes and gives at once. Each is a setting. */
export interface Limits {
  /** The largest request, in bytes. */
  readonly maxRequestBytes: number;
  /** The most messages in one append. */
  readonly maxAppendMessages: number;
  /** The largest metadata of a session or message, in bytes of JSON text. */
  readonly maxMetadataBytes: number;
  /** The largest agent state, in bytes. */
  readonly maxStateBytes: number;
  /** How many items a page holds where the request does not say. */
  readonly defaultPageSize: number;
  /** The most items that a page holds; a larger request is lowered to it. */
  readonly maxPageSize: number;
  /** How many versions of each key of agent state are kept. */
  readonly keepVersions: number;
  /** How many bytes of the newest histories are kept in memory as they are sent; 0 for none. */
  readonly historyCacheBytes: number;
}

/** The longest key of a session or state, in bytes: what MySQL compares byte for byte. */
export const MAX_KEY_BYTES = 255;

/** The longest media type, in bytes. */
export const MAX_MEDIA_TYPE_BYTES = 255;

/** The limits of a server that was not told otherwise. */
export const DEFAULT_LIMITS: Limits = {
  maxRequestBytes: 16 * 1024 * 1024,
  maxAppendMessages: 1_000,
  maxMetadataBytes: 1024 * 1024,
  maxStateBytes: 8 * 1024 * 1024,
  defaultPageSize: 50,
  maxPageSize: 1_000,
  keepVersions: 100,
  historyCacheBytes: 64 * 1024 * 1024,
};
