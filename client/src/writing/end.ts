import { WriteMessageRequestSchema } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { fromEnding } from "../convert/write-requests.js";
import type { MessageEnding } from "../model/writing.js";
import { encode } from "../transport/wire.js";
import { checkPartNulls } from "./nulls.js";

/** The end of a writing, as it is sent. */
export interface End {
  readonly request: Buffer;
  /** Whether it gives the parts, in place of those that were written. */
  readonly hasParts: boolean;
}

/**
 * Gives the end of a writing as it is sent.
 *
 * @throws StateError `invalid_argument` if it cannot be sent, or a part has U+0000.
 */
export function toEnd(ending: MessageEnding): End {
  const finish = fromEnding(ending);
  const write = { case: "finish", value: finish } as const;
  const request = encode(WriteMessageRequestSchema, { write });
  for (const [index, part] of finish.parts.entries()) {
    checkPartNulls(part, `finish.parts[${index}]`);
  }
  return { request, hasParts: finish.parts.length > 0 };
}
