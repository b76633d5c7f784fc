import { create } from "@bufbuild/protobuf";
import {
  type File,
  PartSchema,
  type Part as ProtoPart,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { invalidArgument, StateError } from "../errors.js";
import type { FilePart, Part } from "../model/part.js";
import { fromJsonText, toJsonText } from "./json.js";
import { fromBytes } from "./scalar.js";
import { toObject } from "./shape.js";

const UNKNOWN_PART = "the server's answer has a part of an unknown type: use a newer client";

/** Gives a part as plain values; a property that the server holds nothing for is absent. */
export function toPart({ part }: ProtoPart): Part {
  switch (part.case) {
    case "toolCall": {
      const { id, name, argumentsJson } = part.value;
      const call = { type: "tool_call", id, name } as const;
      return argumentsJson === "" ? call : { ...call, arguments: fromJsonText(argumentsJson) };
    }
    case "toolResult": {
      const { callId, text, isError } = part.value;
      return { type: "tool_result", callId, text, isError };
    }
    case "reasoning": {
      const { text, signature } = part.value;
      return { type: "reasoning", text, ...present({ signature }) };
    }
    case "file":
      return toFilePart(part.value);
    case "data":
      return { type: "data", data: fromJsonText(part.value.json) };
    default:
      throw new StateError("internal", UNKNOWN_PART);
  }
}

/**
 * Gives a part as the API has it; `path` is its field.
 *
 * @throws StateError `invalid_argument` if it cannot be sent.
 */
export function fromPart(part: Part, path: string): ProtoPart {
  return create(PartSchema, { part: toOneof(toObject(part, path), path) });
}

function toOneof(part: Part, path: string) {
  switch (part.type) {
    case "tool_call": {
      const { id, name, arguments: args } = part;
      const argumentsJson =
        args === undefined ? "" : toJsonText(args, `${path}.tool_call.arguments_json`);
      return { case: "toolCall", value: { id, name, argumentsJson } } as const;
    }
    case "tool_result": {
      const { callId, text, isError = false } = part;
      return { case: "toolResult", value: { callId, text, isError } } as const;
    }
    case "reasoning": {
      const { text, signature = "" } = part;
      return { case: "reasoning", value: { text, signature } } as const;
    }
    case "file":
      return { case: "file", value: fromFilePart(part, path) } as const;
    case "data": {
      const json = toJsonText(part.data, `${path}.data.json`);
      return { case: "data", value: { json } } as const;
    }
    default:
      throw invalidArgument(
        `${path}.type`,
        "must be a type of part: tool_call, tool_result, reasoning, file or data",
      );
  }
}

function toFilePart({ content, mediaType, name }: File): FilePart {
  const bytes = content.case === "data" ? { data: fromBytes(content.value) } : {};
  const uri = content.case === "uri" ? { uri: content.value } : {};
  return { type: "file", ...uri, ...bytes, ...present({ mediaType, name }) };
}

function fromFilePart({ uri, data, mediaType = "", name = "" }: FilePart, path: string) {
  if ((uri === undefined) === (data === undefined)) {
    throw invalidArgument(`${path}.file`, "must have exactly one of uri and data");
  }
  const content =
    data === undefined
      ? ({ case: "uri", value: uri ?? "" } as const)
      : ({ case: "data", value: data } as const);
  return { content, mediaType, name };
}

function present<K extends string>(texts: Readonly<Record<K, string>>): { [P in K]?: string };
function present(texts: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== ""));
}
