import type { Checks } from "./checks.js";
import type { Limits } from "./limits.js";
import type { JsonObject } from "./model.js";
import type { Page, PageBounds } from "./storage.js";
import { decodeToken, encodeToken, type TokenFields, type TokenShape } from "./token.js";

/** Where a page ends early: stock gRPC clients receive at most 4 MiB. */
const MAX_PAGE_BYTES = 2 * 1024 * 1024;

/** Which page of a list a client asks for. */
export interface PageRequest {
  /** 0 is the default. */
  readonly pageSize: number;
  /** Empty is the first page. */
  readonly pageToken: string;
}

/** A page as a client gets it. */
export interface ListPage<T> {
  readonly items: readonly T[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

/** Checks the size of a page, and gives its bounds. */
export function toPageBounds(checks: Checks, request: PageRequest, limits: Limits): PageBounds {
  const size = checks.integer("page_size", request.pageSize, 0);
  const maxItems = Math.min(size === 0 ? limits.defaultPageSize : size, limits.maxPageSize);
  return { maxItems, maxBytes: MAX_PAGE_BYTES };
}

/** Checks the token of a page, and gives the key that it continues from. */
export function toPagePosition(
  checks: Checks,
  request: PageRequest,
  { binding, shape }: { readonly binding: JsonObject; readonly shape: TokenShape },
): TokenFields | undefined {
  if (request.pageToken === "") return undefined;
  const position = decodeToken(binding, request.pageToken, shape);
  if (position === undefined) {
    checks.add("page_token", "must be the next_page_token of a call with the same arguments");
  }
  return position;
}

/** Gives a page its token: that of its last item, if more follows. */
export function toListPage<T>(
  page: Page<T>,
  binding: JsonObject,
  position: (item: T) => TokenFields,
): ListPage<T> {
  const last = page.items.at(-1);
  const more = page.hasMore && last !== undefined;
  return { items: page.items, nextPageToken: more ? encodeToken(binding, position(last)) : "" };
}
