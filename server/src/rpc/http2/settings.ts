import {
  ConnectionError,
  ErrorCode,
  FRAME_MAX_BYTES,
  INITIAL_WINDOW_BYTES,
  MAX_WINDOW_BYTES,
  Setting,
} from "./protocol.js";

const SETTING_BYTES = 6;

/** The largest frame that a receiver may ask for. */
const MAX_FRAME_MAX_BYTES = 2 ** 24 - 1;

/** What a client has asked for. */
export class PeerSettings {
  /** How much may be sent on a stream that begins. */
  initialWindowBytes = INITIAL_WINDOW_BYTES;
  frameMaxBytes = FRAME_MAX_BYTES;

  /**
   * Reads the payload of SETTINGS; those that mean nothing here are left out.
   *
   * @throws ConnectionError if it is malformed, or a value is out of its range.
   */
  read(payload: Buffer): void {
    if (payload.length % SETTING_BYTES !== 0) {
      throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "settings are cut off");
    }
    for (let at = 0; at < payload.length; at += SETTING_BYTES) {
      this.#set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
    }
  }

  #set(setting: number, value: number): void {
    switch (setting) {
      case Setting.ENABLE_PUSH:
        if (value > 1) throw outOfRange(ErrorCode.PROTOCOL_ERROR);
        return;
      case Setting.INITIAL_WINDOW_SIZE:
        if (value > MAX_WINDOW_BYTES) throw outOfRange(ErrorCode.FLOW_CONTROL_ERROR);
        this.initialWindowBytes = value;
        return;
      case Setting.MAX_FRAME_SIZE:
        if (value < FRAME_MAX_BYTES || value > MAX_FRAME_MAX_BYTES) {
          throw outOfRange(ErrorCode.PROTOCOL_ERROR);
        }
        // Larger ones would keep other streams waiting.
        this.frameMaxBytes = Math.min(value, 4 * FRAME_MAX_BYTES);
    }
  }
}

/** Encodes settings as the payload of SETTINGS. */
export function encodeSettings(
  settings: readonly (readonly [id: number, value: number])[],
): Buffer {
  const payload = Buffer.alloc(settings.length * SETTING_BYTES);
  for (const [index, [id, value]] of settings.entries()) {
    payload.writeUInt16BE(id, index * SETTING_BYTES);
    payload.writeUInt32BE(value, index * SETTING_BYTES + 2);
  }
  return payload;
}

function outOfRange(code: ErrorCode): ConnectionError {
  return new ConnectionError(code, "a setting is out of its range");
}
