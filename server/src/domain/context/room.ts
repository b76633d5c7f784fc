import { StateError } from "../errors.js";
import { countTokens } from "./estimate.js";
import { type StandIn, toStandIn } from "./stand-in.js";
import type { Unit } from "./steps.js";

/** The most bytes of messages that a context may have: it is one answer. */
export const MAX_CONTEXT_BYTES = 8 * 1024 * 1024;

/** How much something is. */
export interface Weight {
  readonly messages: number;
  readonly tokens: number;
  /** About how many bytes it has, in memory and on the wire. */
  readonly bytes: number;
}

/** What limits a context. Undefined is no limit. */
export interface ContextLimits {
  readonly maxTurns: number | undefined;
  readonly maxMessages: number | undefined;
  readonly maxTokens: number | undefined;
  /** Whether calls that no result answers get one that says so. */
  readonly answerInterruptedCalls: boolean;
}

/** How much room a context has left. */
export class Room {
  readonly #limits: ContextLimits;
  #used: Weight;

  constructor(limits: ContextLimits, used: Weight = { messages: 0, tokens: 0, bytes: 0 }) {
    this.#limits = limits;
    this.#used = used;
  }

  /** What has been taken. */
  get used(): Weight {
    return this.#used;
  }

  /** Gives room of its own with as much left. */
  copy(): Room {
    return new Room(this.#limits, this.#used);
  }

  /** Whether units fit. */
  fits(units: readonly Unit[]): boolean {
    const { maxMessages = Infinity, maxTokens = Infinity } = this.#limits;
    const { messages, tokens } = this.#with(units);
    return messages <= maxMessages && tokens <= maxTokens;
  }

  /** Takes the room of units, whether or not they fit. */
  take(units: readonly Unit[]): void {
    this.#used = this.#with(units);
  }

  /**
   * Returns if what has been taken fits.
   *
   * @throws StateError `resource_exhausted` CONTEXT_TOO_LARGE if not.
   */
  requireFitting(): void {
    const { messages, tokens, bytes } = this.#used;
    requireAtMost("messages", messages, this.#limits.maxMessages);
    requireAtMost("tokens", tokens, this.#limits.maxTokens);
    requireAtMost("bytes", bytes, MAX_CONTEXT_BYTES);
  }

  #with(units: readonly Unit[]): Weight {
    let { messages, tokens, bytes } = this.#used;
    for (const unit of units) {
      const standIn = this.standInOf(unit);
      messages += unit.messages.length + (standIn === undefined ? 0 : 1);
      tokens += unit.messages.reduce((sum, message) => sum + countTokens(message), 0);
      tokens += standIn === undefined ? 0 : countTokens(standIn);
      bytes += unit.messages.reduce((sum, message) => sum + message.bytes, 0);
    }
    return { messages, tokens, bytes };
  }

  /** Gives what the context has behind a unit in place of results, if it is to have that. */
  standInOf(unit: Unit): StandIn | undefined {
    return this.#limits.answerInterruptedCalls ? toStandIn(unit) : undefined;
  }
}

/**
 * Returns if something is within a limit.
 *
 * @throws StateError `resource_exhausted` CONTEXT_TOO_LARGE if not.
 */
export function requireAtMost(
  unit: "messages" | "tokens" | "bytes",
  required: number,
  limit: number | undefined,
): void {
  if (limit === undefined || required <= limit) return;
  const raise =
    unit === "bytes" ? "limit turns, messages or tokens" : `raise max_${unit}, or unpin messages`;
  const message = `the context needs ${required} ${unit} at least, and may have ${limit}: ${raise}`;
  throw new StateError("resource_exhausted", "CONTEXT_TOO_LARGE", message, {
    metadata: { unit, required: String(required), limit: String(limit) },
  });
}
