import type { Message } from "./message.js";
import type { Part } from "./part.js";
import type { SessionInfo } from "./session.js";

/** A version of a state, without what it holds. */
export interface StateVersion {
  readonly key: string;
  readonly version: number;
  /** The media type of bytes; empty for JSON. */
  readonly mediaType: string;
}

/** How far everything has been given that was there when a catch-up began. */
export interface FollowPosition {
  readonly headSequence: number;
  readonly revision: number;
  /** Resumes from here, on any server of the group and after any time. */
  readonly resumeToken: string;
}

/**
 * What happens in a session that is followed.
 *
 * `resumeToken` resumes after the event: it is absent where the next event came in the same
 * frame, so that there is no place in between (`frameMaxMessages: 1` puts one on each message).
 */
export type SessionEvent = { readonly resumeToken: string | undefined } & (
  | /** The next message, in the order of the sequences. */ {
      readonly type: "message";
      readonly message: Message;
    }
  | /**
   * More text of a message that is being written: it takes the place of what comes after
   * the first `offset` UTF-8 bytes of the content.
   */ {
      readonly type: "text_delta";
      readonly messageId: string;
      readonly sequence: number;
      readonly offset: number;
      readonly text: string;
    }
  | /** A part of a message that is being written: it takes the place of the parts from `partIndex` on. */ {
      readonly type: "part_delta";
      readonly messageId: string;
      readonly sequence: number;
      readonly partIndex: number;
      readonly part: Part;
    }
  | /** A message as it is now: it was edited, or its writing ended or went on. */ {
      readonly type: "message_updated";
      readonly revision: number;
      readonly message: Message;
    }
  | {
      readonly type: "message_deleted";
      readonly revision: number;
      readonly messageId: string;
      readonly sequence: number;
    }
  | /** The messages after one sequence, through another, are gone. */ {
      readonly type: "messages_cleared";
      readonly revision: number;
      readonly afterSequence: number;
      readonly throughSequence: number;
    }
  | {
      readonly type: "session_updated";
      readonly revision: number;
      readonly session: SessionInfo;
    }
  | /** The session is gone. The last event: then the iteration throws `not_found` SESSION_DELETED. */ {
      readonly type: "session_deleted";
      readonly revision: number;
    }
  | /** States that were put in one transaction; `session.state.get` reads them. */ {
      readonly type: "state_put";
      readonly revision: number;
      readonly states: readonly StateVersion[];
    }
  | {
      readonly type: "state_deleted";
      readonly revision: number;
      readonly key: string;
      readonly version: number;
    }
);
