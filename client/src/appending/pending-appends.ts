import type { StateError } from "../errors.js";
import type { Appended } from "../model/message.js";

/** An append that is not answered yet. */
export interface PendingAppend {
  readonly requestId: string;
  /** The request, encoded. */
  readonly request: Buffer;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: StateError) => void;
}

const MAX_BYTES_IN_FLIGHT = 4 * 1024 * 1024;

/** How many that were sent may be kept in front of those that wait. */
const MAX_KEPT = 1_024;

/** The appends that are not answered: some of them sent, the others in the order of their calls. */
export class PendingAppends {
  readonly #maxInFlight: number;
  /** By request id, in the order in which they were sent. */
  #sent = new Map<string, PendingAppend>();
  #sentBytes = 0;
  #waiting: PendingAppend[] = [];
  #waitingFrom = 0;
  /** How many are to be sent one at a time. */
  #singleCount = 0;

  constructor(maxInFlight: number) {
    this.#maxInFlight = maxInFlight;
  }

  /** How many were sent and not answered. */
  get sentCount(): number {
    return this.#sent.size;
  }

  get isEmpty(): boolean {
    return this.#sent.size === 0 && this.#waitingFrom === this.#waiting.length;
  }

  add(append: PendingAppend): void {
    this.#waiting.push(append);
  }

  /** Gives the next one to send; undefined if there is none, or enough is in flight. */
  next(): PendingAppend | undefined {
    const append = this.#waiting[this.#waitingFrom];
    if (append === undefined || !this.#hasRoomFor(append)) return undefined;
    this.#waitingFrom += 1;
    const isMostlySent =
      this.#waitingFrom > MAX_KEPT && 2 * this.#waitingFrom > this.#waiting.length;
    if (isMostlySent || this.#waitingFrom === this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#waitingFrom);
      this.#waitingFrom = 0;
    }
    this.#sent.set(append.requestId, append);
    this.#sentBytes += append.request.byteLength;
    return append;
  }

  /** Takes out the one that was answered; undefined if it is none of these. */
  answered(requestId: string): PendingAppend | undefined {
    const append = this.#sent.get(requestId);
    if (append === undefined) return undefined;
    this.#sent.delete(requestId);
    this.#sentBytes -= append.request.byteLength;
    this.#singleCount = Math.max(0, this.#singleCount - 1);
    return append;
  }

  /** Has all that were sent sent again, in the same order; `one at a time` finds out which fails. */
  resend(pace: "together" | "one at a time"): void {
    if (pace === "one at a time") this.#singleCount = this.#sent.size;
    this.#waiting = [...this.#sent.values(), ...this.#waiting.slice(this.#waitingFrom)];
    this.#waitingFrom = 0;
    this.#sent = new Map();
    this.#sentBytes = 0;
  }

  /** Takes out all that were sent. */
  takeSent(): readonly PendingAppend[] {
    return [...this.#sent.keys()].flatMap((requestId) => this.answered(requestId) ?? []);
  }

  /** Takes out all. */
  takeAll(): readonly PendingAppend[] {
    const waiting = this.#waiting.slice(this.#waitingFrom);
    this.#waiting = [];
    this.#waitingFrom = 0;
    return [...this.takeSent(), ...waiting];
  }

  #hasRoomFor({ request }: PendingAppend): boolean {
    if (this.#sent.size === 0) return true;
    if (this.#singleCount > 0 || this.#sent.size >= this.#maxInFlight) return false;
    return this.#sentBytes + request.byteLength <= MAX_BYTES_IN_FLIGHT;
  }
}
