import { type Client, connectivityState } from "@grpc/grpc-js";
import { StateError } from "../errors.js";
import type { BackoffLimits } from "./backoff.js";
import { cancelled } from "./cancelled.js";
import { joinSignals } from "./on-abort.js";

// grpc-js waits for a connection for ever where a server accepts it and then says nothing.
const CONNECT_MS = 5_000;

/** One address of a server: the connection to it, made when it is first used. */
export class Endpoint {
  readonly address: string;
  readonly #createClient: () => Client;
  #client: Client;
  /** When the connection was first missed, by the clock of `performance.now()`. */
  #missedAt: number | undefined;

  /** @throws StateError `invalid_argument` if the address cannot be used. */
  constructor(address: string, createClient: () => Client) {
    this.address = address;
    this.#createClient = createClient;
    this.#client = createClient();
  }

  /** Whether the connection stands. */
  get isReady(): boolean {
    return this.#state(false) === connectivityState.READY;
  }

  /**
   * Gives the client once its connection stands, or has failed: then a call on it fails at
   * once, and says why.
   *
   * @throws StateError `unavailable` if the server neither takes nor refuses the connection.
   * @throws StateError `deadline_exceeded` if the deadline comes before that is known.
   * @throws StateError `cancelled` if the signal is aborted, or `closed` is.
   */
  async connected(limits: BackoffLimits, closed?: AbortSignal): Promise<Client> {
    for (;;) {
      if (this.isReady) {
        this.#missedAt = undefined;
        return this.#client;
      }
      if (limits.signal?.aborted || closed?.aborted) throw cancelled(limits.signal);
      const untilMs = Math.min(this.#miss() + CONNECT_MS, limits.deadline);
      const state = this.#state(true);
      if (state !== connectivityState.IDLE && state !== connectivityState.CONNECTING) {
        return this.#client;
      }
      await this.#change(state, untilMs, [limits.signal, closed]);
      if (performance.now() >= untilMs) this.#giveUp(limits);
    }
  }

  close(): void {
    this.#client.close();
  }

  /** Tells since when the connection is missed; after too long, it begins anew with a new one. */
  #miss(): number {
    const now = performance.now();
    if (this.#missedAt !== undefined && now - this.#missedAt > CONNECT_MS) this.#renew();
    this.#missedAt ??= now;
    return this.#missedAt;
  }

  #renew(): void {
    this.#client.close();
    this.#client = this.#createClient();
    this.#missedAt = undefined;
  }

  #giveUp({ deadline }: BackoffLimits): void {
    if (this.isReady) return;
    const message = `no connection to ${this.address} stood in time: check the address, and that the server there is well`;
    if (performance.now() >= deadline) throw new StateError("deadline_exceeded", message);
    this.#renew();
    throw new StateError("unavailable", message);
  }

  #state(connect: boolean): connectivityState {
    return this.#client.getChannel().getConnectivityState(connect);
  }

  /** Waits until the connection is no longer in a state, or the time is over. */
  #change(
    state: connectivityState,
    untilMs: number,
    signals: readonly (AbortSignal | undefined)[],
  ): Promise<void> {
    return new Promise((resolve) => {
      const aborted = joinSignals(...signals);
      const done = () => {
        aborted.release();
        resolve();
      };
      aborted.signal.addEventListener("abort", done, { once: true });
      const deadline = new Date(Date.now() + Math.ceil(untilMs - performance.now()));
      this.#client.getChannel().watchConnectivityState(state, deadline, done);
    });
  }
}
