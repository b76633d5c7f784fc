import type { Logger } from "../domain/log.js";
import type { HeaderFields } from "./http2/hpack/header-list.js";
import type { LiveStreams } from "./live-streams.js";

/** What every call of a service runs with. */
export interface CallEnvironment {
  /** Where failures are logged. */
  readonly logger: Logger;
  /** The streams that end when the server drains. */
  readonly liveStreams: LiveStreams;
  /** Gives the tenant of a call from its headers, or throws a StateError. */
  readonly tenantOf: (headers: HeaderFields) => string;
}
