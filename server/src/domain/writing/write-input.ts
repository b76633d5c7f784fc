import type { ApiCallInput } from "../api-call-input.js";
import type { Message, Part } from "../model.js";
import type { MessageInput } from "../new-message.js";
import type { WriteEnd } from "../write-storage.js";

/** The beginning of a writing, as a client asks for it. */
export interface WriteStart {
  readonly type: "start";
  readonly sessionId: string;
  /** Undefined if none was sent. */
  readonly message: MessageInput | undefined;
  /** Empty is none. */
  readonly writerId: string;
  readonly expectedHeadSequence: number | undefined;
}

/** Text to add. */
export interface TextDelta {
  readonly type: "text";
  /** How many UTF-8 bytes of the content come before it. */
  readonly offset: number;
  readonly text: string;
}

/** A part to add. */
export interface PartDelta {
  readonly type: "part";
  /** How many parts come before it. */
  readonly partIndex: number;
  /** Undefined if it is none of the kinds. */
  readonly part: Part | undefined;
}

/** The end of a writing, as a client asks for it. */
export interface WriteFinish {
  readonly type: "finish";
  /** All parts; empty leaves those that there are. Undefined for one that is none of the kinds. */
  readonly parts: readonly (Part | undefined)[];
  /** Undefined if it is none that a message can end with. */
  readonly status: WriteEnd["status"] | undefined;
  readonly tokenCount: number | undefined;
  /** Undefined if none was sent. */
  readonly apiCall: ApiCallInput | undefined;
}

/** A request that does nothing of it. */
export interface NoWrite {
  readonly type: "none";
  /** The field that says nothing. */
  readonly field: string;
}

/** One request of a writer. */
export type WriteInput = WriteStart | TextDelta | PartDelta | WriteFinish | NoWrite;

/** What of a message is durable. */
export interface Acknowledgement {
  readonly messageId: string;
  readonly sequence: number;
  /** In UTF-8 bytes of the content. */
  readonly offset: number;
  readonly partCount: number;
}

/** One answer to a writer: what is durable, or the message that is finished. */
export type WriteOutput =
  | ({ readonly type: "acknowledged" } & Acknowledgement)
  | { readonly type: "message"; readonly message: Message };
