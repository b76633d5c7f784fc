import { create, toBinary } from "@bufbuild/protobuf";
import {
  AppendMessagesResponseSchema,
  PipelineAppendsResponseSchema,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import fc from "fast-check";
import { expect, it } from "vitest";
import type { AgentState, StatePayload } from "../../../server/src/domain/model.js";
import type { Appended } from "../../../server/src/domain/storage.js";
import { encodeAppended, encodePipelined } from "../../../server/src/rpc/append-encoder.js";
import { toProtoMessage } from "../../../server/src/rpc/convert-message.js";
import { toProtoState } from "../../../server/src/rpc/convert-state.js";
import { data, int64, message, text, time } from "./message-samples.js";

const payload: fc.Arbitrary<StatePayload> = fc.oneof(
  fc.record({ json: text, mediaType: fc.constant("" as const) }),
  fc.record({ data, mediaType: text }),
);

const state: fc.Arbitrary<AgentState> = fc.record({
  id: text,
  sessionId: text,
  key: text,
  version: int64,
  payload,
  createdAt: time,
  revision: int64,
  bytes: fc.nat(),
});

const appended: fc.Arbitrary<Appended> = fc.record({
  messages: fc.array(message, { maxLength: 4 }),
  agentStates: fc.oneof(fc.constant([]), fc.array(state, { maxLength: 2 })),
  headSequence: int64,
  revision: int64,
  isRepeated: fc.boolean(),
});

function toProto({ messages, agentStates, headSequence, revision }: Appended) {
  return {
    messages: messages.map(toProtoMessage),
    agentStates: agentStates.map(toProtoState),
    headSequence: BigInt(headSequence),
    revision: BigInt(revision),
  };
}

it("writes what protobuf-es writes of an append", () => {
  fc.assert(
    fc.property(appended, (given) => {
      const value = create(AppendMessagesResponseSchema, toProto(given));

      expect(encodeAppended(given).equals(toBinary(AppendMessagesResponseSchema, value))).toBe(
        true,
      );
    }),
  );
});

it("writes what protobuf-es writes of an append of a pipeline", () => {
  fc.assert(
    fc.property(appended, text, (given, requestId) => {
      const value = create(PipelineAppendsResponseSchema, {
        requestId,
        outcome: { case: "response", value: toProto(given) },
      });

      const encoded = encodePipelined(requestId, given);

      expect(encoded.equals(toBinary(PipelineAppendsResponseSchema, value))).toBe(true);
    }),
  );
});
