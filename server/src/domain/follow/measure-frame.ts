import type { Change } from "../change-storage.js";
import { measureMetadata } from "../metadata-size.js";
import { measurePart } from "../new-message.js";
import type { FrameDelta, SessionFrame } from "../session-frame.js";

/** About how many bytes a frame takes beside what it holds of a client's. */
const FRAME_BYTES = 128;

/** Measures about how many bytes a frame takes in memory. */
export function measureFrame(frame: SessionFrame): number {
  switch (frame.type) {
    case "messages":
      return frame.messages.reduce((sum, { bytes }) => sum + bytes, FRAME_BYTES);
    case "delta":
      return FRAME_BYTES + measureDelta(frame.delta);
    case "change":
      return FRAME_BYTES + measureChange(frame.change);
    case "caught_up":
    case "heartbeat":
      return FRAME_BYTES;
  }
}

function measureDelta(delta: FrameDelta): number {
  return delta.type === "text" ? Buffer.byteLength(delta.text) : measurePart(delta.part);
}

function measureChange(change: Change): number {
  switch (change.type) {
    case "message_updated":
      return change.message.bytes;
    case "session_updated":
      return Buffer.byteLength(change.session.title) + measureMetadata(change.session.metadata);
    case "state_put":
      return change.states.reduce((sum, { key }) => sum + FRAME_BYTES + Buffer.byteLength(key), 0);
    case "state_deleted":
      return Buffer.byteLength(change.key);
    default:
      return 0;
  }
}
