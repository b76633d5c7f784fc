import type { Logger } from "../../domain/log.js";
import { encodeHeaders } from "../http2/hpack/header-encoder.js";
import type { DecodedHeaders } from "../http2/hpack/header-list.js";
import type { Http2Stream } from "../http2/stream.js";
import { callFailure, type FailedStatus, toStatus } from "../status.js";
import { isGrpc, readEncoding, readTimeoutMs } from "./call-headers.js";
import { ACCEPTED_ENCODINGS, type Decompressor, isAcceptedEncoding } from "./decompressor.js";
import { type CallAnswer, IncomingCall } from "./incoming-call.js";

/** What calls are answered with. */
export interface Answering {
  /** By the paths of their methods. */
  readonly answers: ReadonlyMap<string, CallAnswer>;
  /** The largest request, in bytes. */
  readonly maxRequestBytes: number;
  readonly decompressor: Decompressor;
  readonly logger: Logger;
}

const UNSUPPORTED_MEDIA_TYPE = encodeHeaders([[":status", "415"]]);

const EXPIRED = callFailure(
  "deadline_exceeded",
  "DEADLINE_EXCEEDED",
  "the deadline passed before the call was answered",
);

const HEADERS_TOO_LARGE = callFailure(
  "resource_exhausted",
  "HEADERS_TOO_LARGE",
  "the headers of the call, which are its metadata, have more than 64 KiB, with 32 bytes for each; send less",
);

/** Answers a call, or says why it cannot be answered. */
export function answerCall(
  stream: Http2Stream,
  { fields: headers, isTooLarge }: DecodedHeaders,
  { answers, maxRequestBytes, decompressor, logger }: Answering,
): void {
  if (!isTooLarge && !isGrpc(headers)) {
    stream.respondOnly(UNSUPPORTED_MEDIA_TYPE);
    return;
  }
  const encoding = readEncoding(headers);
  const call = new IncomingCall(stream, { encoding, maxBytes: maxRequestBytes, decompressor });
  const path = headers[":path"] ?? "";
  const answer = answers.get(path);
  if (isTooLarge) call.fail(HEADERS_TOO_LARGE);
  else if (answer === undefined) call.fail(unknownMethod(path));
  else if (!isAcceptedEncoding(encoding)) call.fail(unknownEncoding(encoding));
  else {
    try {
      call.expireAfter(readTimeoutMs(headers), EXPIRED);
      call.start(answer(call, headers));
    } catch (error) {
      call.fail(toStatus(error, logger));
    }
  }
}

function unknownMethod(path: string): FailedStatus {
  const message = `there is no method ${JSON.stringify(path)} here; compare it with the .proto files, and the version of the server`;
  return callFailure("unimplemented", "METHOD_NOT_FOUND", message);
}

function unknownEncoding(encoding: string): FailedStatus {
  const message = `requests cannot be compressed with ${JSON.stringify(encoding)} here; use one of ${ACCEPTED_ENCODINGS}`;
  return callFailure("unimplemented", "ENCODING_NOT_SUPPORTED", message);
}
