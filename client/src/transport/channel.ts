import { type ChannelCredentials, type ChannelOptions, Client, credentials } from "@grpc/grpc-js";
import { invalidArgument, StateError } from "../errors.js";

/** How to reach the server, or the servers of a group. */
export interface ConnectionOptions {
  /** TLS: `true` trusts the system's authorities. Absent is plaintext. */
  readonly tls?: boolean | TlsOptions | undefined;
  /** How long to wait for a server, in milliseconds; 10,000 by default. */
  readonly connectTimeoutMs?: number | undefined;
  /** Gives up waiting for a server, with `cancelled`. */
  readonly signal?: AbortSignal | undefined;
}

/** Certificates and keys, in PEM. */
export interface TlsOptions {
  /** The authorities to trust instead of the system's. */
  readonly rootCertificates?: Buffer | string | undefined;
  /** The client's own key, together with `certificateChain`. */
  readonly privateKey?: Buffer | string | undefined;
  readonly certificateChain?: Buffer | string | undefined;
}

const MIB = 1024 * 1024;

const CHANNEL_OPTIONS: ChannelOptions = {
  "grpc-node.flow_control_window": 4 * MIB,
  "grpc.max_receive_message_length": 32 * MIB,
  // The server decides what is too large.
  "grpc.max_send_message_length": -1,
  // While calls are open, a connection gone silent is given up after 15 s: soon enough to
  // repeat the calls on another one within their 30 s.
  "grpc.keepalive_time_ms": 10_000,
  "grpc.keepalive_timeout_ms": 5_000,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 2_000,
  // What grpc-js would retry, it would retry without regard to whether that is safe.
  "grpc.enable_retries": 0,
  "grpc.service_config_disable_resolution": 1,
  "grpc.enable_channelz": 0,
  // A connection that is given up must not be found again in a pool.
  "grpc.use_local_subchannel_pool": 1,
};

/**
 * Creates the client of an address, which connects when it is first used.
 *
 * @throws StateError `invalid_argument` if the address or the certificates cannot be used.
 */
export function createClient(address: string, { tls }: ConnectionOptions): Client {
  const channelCredentials = toCredentials(tls);
  const hint = 'give one like "localhost:50051" or "unix:/path/to/socket"';
  if (typeof address !== "string" || address === "") throw invalidArgument("address", hint);
  try {
    return new Client(address, channelCredentials, CHANNEL_OPTIONS);
  } catch (cause) {
    const message = `address: "${address}" cannot be used: ${hint}`;
    throw new StateError("invalid_argument", message, { cause });
  }
}

function toCredentials(tls: boolean | TlsOptions | undefined): ChannelCredentials {
  if (!tls) return credentials.createInsecure();
  const { rootCertificates, privateKey, certificateChain } = tls === true ? {} : tls;
  try {
    return credentials.createSsl(
      toPem(rootCertificates),
      toPem(privateKey),
      toPem(certificateChain),
    );
  } catch (cause) {
    const message =
      "tls: the certificates or the key cannot be used: give them in PEM, a key with its chain";
    throw new StateError("invalid_argument", message, { cause });
  }
}

function toPem(value: Buffer | string | undefined): Buffer | null {
  return value === undefined ? null : Buffer.from(value);
}
