import type { Appended } from "../domain/storage.js";
import type { SessionAppend } from "./append.js";

/** An append whose caller waits for its outcome. */
export interface PendingAppend extends SessionAppend {
  resolve(appended: Appended): void;
  reject(error: unknown): void;
}

/** How much more a group takes. */
export interface Room {
  appends: number;
  /** API calls count as messages. */
  messages: number;
  bytes: number;
}

/** Appends to one session that take their turn together, in the order in which they came. */
export class AppendTurn {
  readonly sessionId: string;
  /** Begins the turn, and ends when all appends have their outcome. */
  readonly work: () => Promise<void>;
  readonly #waiting: PendingAppend[] = [];
  #end: () => void = () => {};

  /** Makes a turn that calls `begin` when it is there. */
  constructor(sessionId: string, begin: () => void) {
    this.sessionId = sessionId;
    this.work = () =>
      new Promise((end) => {
        this.#end = end;
        begin();
      });
  }

  /** Whether no append waits. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Adds an append after those that wait. */
  add(append: PendingAppend): void {
    this.#waiting.push(append);
  }

  /** Takes the first append if it puts states, which has to be carried out alone. */
  takeAlone(): PendingAppend | undefined {
    return this.#waiting[0]?.request.agentStates.length ? this.#waiting.shift() : undefined;
  }

  /** Takes the first appends that fit into a group, and makes its room less. The first fits an empty one. */
  takeFitting(room: Room, isEmptyGroup: boolean): readonly PendingAppend[] {
    const count = this.#waiting.findIndex(({ request }, index) => {
      const { messages, agentStates, apiCalls } = request;
      room.appends -= 1;
      room.messages -= messages.length + apiCalls.length;
      for (const { bytes } of messages) room.bytes -= bytes;
      const isFull = room.appends < 0 || room.messages < 0 || room.bytes < 0;
      return agentStates.length > 0 || (isFull && !(isEmptyGroup && index === 0));
    });
    return this.#waiting.splice(0, count === -1 ? this.#waiting.length : count);
  }

  /** Ends the turn. */
  end(): void {
    this.#end();
  }
}
