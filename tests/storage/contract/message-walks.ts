import type { Message, Role } from "../../../server/src/domain/model.js";
import type { MessageRange, SessionRef, Storage } from "../../../server/src/domain/storage.js";
import { EVERYTHING, WIDE } from "./samples.js";

/** How all messages of a session are read, a page after the other. */
export interface Walk {
  readonly order: MessageRange["order"];
  /** How many messages a page has at most. */
  readonly maxItems: number;
  /** Of which roles; of all where it is not given. */
  readonly roles?: readonly Role[];
}

/** Reads all messages of a session in pages. */
export async function walkMessages(
  { messages }: Pick<Storage, "messages">,
  ref: SessionRef,
  { order, maxItems, roles }: Walk,
): Promise<readonly Message[]> {
  const found: Message[] = [];
  const bounds = { maxItems, maxBytes: WIDE.maxBytes };
  const ofRoles = roles === undefined ? {} : { roles };
  let [afterSequence, upToSequence] = [0, EVERYTHING.upToSequence];
  for (let hasMore = true; hasMore; ) {
    const range = { afterSequence, upToSequence, order, ...ofRoles };
    const page = await messages.read(ref, range, bounds);
    found.push(...page.items);
    const last = page.items.at(-1)?.sequence ?? 0;
    if (order === "ascending") afterSequence = last;
    else upToSequence = last - 1;
    hasMore = page.hasMore;
  }
  return found;
}

/** Reads all messages of a session that contexts keep, in pages. */
export async function walkKept(
  { messages }: Pick<Storage, "messages">,
  ref: SessionRef,
  maxItems: number,
): Promise<readonly Message[]> {
  const found: Message[] = [];
  const bounds = { maxItems, maxBytes: WIDE.maxBytes };
  for (let hasMore = true; hasMore; ) {
    const range = { ...EVERYTHING, afterSequence: found.at(-1)?.sequence ?? 0 };
    const page = await messages.readKept(ref, range, bounds);
    found.push(...page.items);
    hasMore = page.hasMore;
  }
  return found;
}
