import { setTimeout as sleep } from "node:timers/promises";
import { invalidArgument, StateError } from "../errors.js";
import type { BackoffLimits } from "./backoff.js";
import { cancelled } from "./cancelled.js";
import { type ConnectionOptions, createClient } from "./channel.js";
import { Endpoint } from "./endpoint.js";
import { toStateError } from "./status.js";
import { toTimeoutMs } from "./timeout.js";

const PAUSE_MS = 20;

/** The servers of a group, of which one is used at a time. */
export class Endpoints {
  readonly #endpoints: readonly [Endpoint, ...Endpoint[]];
  #current: Endpoint;

  /** @throws StateError `invalid_argument` if an address or the certificates cannot be used. */
  constructor(addresses: string | readonly string[], options: ConnectionOptions) {
    const [first, ...others] = isList(addresses) ? addresses : [addresses];
    if (first === undefined) throw invalidArgument("address", "give one address at least");
    const toEndpoint = (address: string) =>
      new Endpoint(address, () => createClient(address, options));
    this.#current = toEndpoint(first);
    this.#endpoints = [this.#current, ...others.map(toEndpoint)];
  }

  /** The one that the next call is made on. */
  get current(): Endpoint {
    return this.#current;
  }

  /** Goes on to the next one, unless another call that failed on this one has done so. */
  leave(endpoint: Endpoint): void {
    if (endpoint !== this.#current) return;
    const next = this.#endpoints.indexOf(endpoint) + 1;
    this.#current = this.#endpoints[next] ?? this.#endpoints[0];
  }

  /**
   * Waits until the connection to one of them stands.
   *
   * @throws StateError `unavailable` if there is no server within `connectTimeoutMs`.
   * @throws StateError `cancelled` if the signal is aborted.
   */
  async connect({ connectTimeoutMs = 10_000, signal }: ConnectionOptions): Promise<void> {
    const timeoutMs = toTimeoutMs(connectTimeoutMs, "connectTimeoutMs");
    const limits = { deadline: performance.now() + timeoutMs, signal };
    for (;;) {
      if (signal?.aborted) throw cancelled(signal);
      if (await isReachable(this.#current, limits)) return;
      this.leave(this.#current);
      if (performance.now() + PAUSE_MS >= limits.deadline) throw this.#unreachable(timeoutMs);
      await sleep(PAUSE_MS);
    }
  }

  close(): void {
    for (const endpoint of this.#endpoints) endpoint.close();
  }

  #unreachable(timeoutMs: number): StateError {
    const names = this.#endpoints.map(({ address }) => address).join(", ");
    const message = `cannot reach ${names} within ${timeoutMs} ms: start the server there (mofa-state serve), or check the address and whether it speaks TLS`;
    return new StateError("unavailable", message);
  }
}

function isList(addresses: string | readonly string[]): addresses is readonly string[] {
  return Array.isArray(addresses);
}

async function isReachable(endpoint: Endpoint, limits: BackoffLimits): Promise<boolean> {
  try {
    await endpoint.connected(limits);
    return endpoint.isReady;
  } catch (cause) {
    const error = toStateError(cause);
    if (error.code === "cancelled") throw error;
    return false;
  }
}
