import type {
  MessageService,
  WriteMessageRequest,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import type { WriteInput } from "../domain/writing/write-input.js";
import type { Writes } from "../domain/writing/writes.js";
import { fromWriteRequest, toProtoWritten } from "./convert-write.js";
import type { Handlers } from "./service.js";

/** Implements the part of MessageService that writes messages piece by piece. */
export function writeHandlers(
  writes: Writes,
): Pick<Handlers<typeof MessageService>, "writeMessage"> {
  return {
    async *writeMessage(requests, { tenantId, signal }) {
      const answers = writes.write(tenantId, toInputs(requests), signal);
      for await (const answer of answers) yield toProtoWritten(answer);
    },
  };
}

async function* toInputs(
  requests: AsyncIterable<WriteMessageRequest>,
): AsyncGenerator<WriteInput, void> {
  for await (const request of requests) yield fromWriteRequest(request);
}
