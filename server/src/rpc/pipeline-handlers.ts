import type { MessageService } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import type { Logger } from "../domain/log.js";
import type { Messages } from "../domain/messages.js";
import { AppendPipeline } from "./append-pipeline.js";
import type { Handlers } from "./service.js";

/** Implements the part of MessageService that carries out many appends on one stream. */
export function pipelineHandlers(
  messages: Messages,
  logger: Logger,
): Pick<Handlers<typeof MessageService>, "pipelineAppends"> {
  return {
    async *pipelineAppends(requests, { tenantId, signal }) {
      const append = messages.append.bind(messages, tenantId);
      const pipeline = new AppendPipeline(append, logger);
      signal.addEventListener("abort", () => pipeline.stop());
      void pipeline.run(requests);
      try {
        yield* pipeline.responses();
      } finally {
        pipeline.stop();
      }
    },
  };
}
