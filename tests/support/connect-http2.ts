import { type ClientHttp2Session, type ClientSessionOptions, connect } from "node:http2";
import { onTestFinished } from "vitest";

/** Connects to a server by plain HTTP/2, until the test ends. */
export function connectHttp2(
  address: string,
  options: ClientSessionOptions = {},
): ClientHttp2Session {
  const connection = connect(`http://${address}`, options);
  connection.on("error", () => undefined);
  onTestFinished(() => connection.destroy());
  return connection;
}
