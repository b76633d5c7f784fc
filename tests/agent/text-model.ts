import type { ChatModel } from "@mofa-state/client/agent";

/** Makes a model that says what a function gives. */
export function toModel(texts: (signal: AbortSignal) => AsyncIterable<string>): ChatModel {
  return {
    async *stream({ signal }) {
      for await (const text of texts(signal)) yield { type: "text", text };
    },
  };
}
