import { EventEmitter, once } from "node:events";
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type Health,
  type HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "@mofa-state/proto/grpc/health/v1/health_pb.js";
import { StateError } from "../domain/errors.js";
import type { Handlers } from "./service.js";

const CHANGE = "change";

/** Whether the server can serve: one answer for all its services. Starts as no. */
export class HealthState {
  readonly #events = new EventEmitter();
  #serving = false;

  constructor() {
    // Each watcher is a listener; any number of them is no leak.
    this.#events.setMaxListeners(0);
  }

  get serving(): boolean {
    return this.#serving;
  }

  /** Says whether the server can serve from now on, and tells those who watch. */
  set(serving: boolean): void {
    if (this.#serving === serving) return;
    this.#serving = serving;
    this.#events.emit(CHANGE);
  }

  /** Waits for the next change. Rejects when the signal is aborted. */
  async change(signal: AbortSignal): Promise<void> {
    await once(this.#events, CHANGE, { signal });
  }
}

/**
 * Serves `grpc.health.v1` for the server as a whole (the empty name) and for each service.
 *
 * A watcher that reads slowly sees the latest status, not each one in between.
 */
export function healthHandlers(
  state: HealthState,
  serviceNames: readonly string[],
): Handlers<typeof Health> {
  const names = ["", ...serviceNames];

  function status(service: string): MessageInitShape<typeof HealthCheckResponseSchema> {
    if (!names.includes(service)) return { status: ServingStatus.SERVICE_UNKNOWN };
    return { status: state.serving ? ServingStatus.SERVING : ServingStatus.NOT_SERVING };
  }

  return {
    async check({ service }) {
      if (!names.includes(service)) throw unknownService(service);
      return status(service);
    },

    async list() {
      return { statuses: Object.fromEntries(names.map((name) => [name, status(name)])) };
    },

    async *watch({ service }, { signal }) {
      for (;;) {
        const current = status(service);
        yield current;
        while (status(service).status === current.status) await state.change(signal);
      }
    },
  };
}

function unknownService(service: string): StateError {
  const message = `there is no service ${JSON.stringify(service)} here; list the services to see those there are`;
  return new StateError("not_found", "SERVICE_NOT_FOUND", message);
}
