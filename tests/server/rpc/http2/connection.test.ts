import { once } from "node:events";
import { type ClientHttp2Session, constants } from "node:http2";
import { connect } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import {
  CONNECTION_TIMES,
  type ConnectionTimes,
} from "../../../../server/src/rpc/http2/keep-alive.js";
import { beginBareCall } from "../../../support/bare-call.js";
import { connectHttp2 } from "../../../support/connect-http2.js";
import { deferred } from "../../../support/deferred.js";
import { PREFACE, settings } from "../../../support/raw-frames.js";
import { EMPTY_REQUEST, endingOf, GET, start } from "../message-calls.js";

const SHORT_MS = 20;

/** More than a call takes to begin. */
const NOT_LONG_MS = 1_000;

function startWith(times: Partial<ConnectionTimes>, getMessage = async () => ({})) {
  return start({ getMessage }, { connectionTimes: { ...CONNECTION_TIMES, ...times } });
}

async function connected(address: string): Promise<ClientHttp2Session> {
  const session = connectHttp2(address);
  await once(session, "connect");
  return session;
}

it("tells a client that has had no calls for long to go", async () => {
  const { address } = await startWith({ maxIdleMs: SHORT_MS });
  const session = await connected(address);

  const [code] = await once(session, "goaway");

  expect(code).toBe(constants.NGHTTP2_NO_ERROR);
  await once(session, "close");
});

it("keeps a connection as long as it has a call", async () => {
  const asked = deferred<void>();
  const release = deferred<void>();
  const { address } = await startWith({ maxIdleMs: NOT_LONG_MS }, async () => {
    asked.resolve();
    await release.promise;
    return {};
  });
  const events: string[] = [];
  const session = connectHttp2(address);
  session.once("goaway", () => events.push("goaway"));
  const stream = beginBareCall(session, GET);
  const ending = endingOf(stream);
  stream.end(EMPTY_REQUEST);
  await asked.promise;

  // A connection without calls that began later.
  await once(await connected(address), "goaway");
  events.push("answer");
  release.resolve();
  expect((await ending)["grpc-status"]).toBe("0");
  await once(session, "close");

  expect(events).toEqual(["answer", "goaway"]);
});

it("cuts a client that does not answer any more", async () => {
  const { address } = await startWith({ pingEveryMs: SHORT_MS, pingTimeoutMs: SHORT_MS });
  const [host = "", port = ""] = address.split(":");
  const socket = connect(Number(port), host);
  onTestFinished(() => {
    socket.destroy();
  });
  socket.on("error", () => undefined);
  socket.resume();

  socket.write(Buffer.concat([PREFACE, settings()]));

  await once(socket, "close");
});

it("keeps a client that answers", async () => {
  const { address } = await startWith({ pingEveryMs: SHORT_MS, pingTimeoutMs: 10_000 });
  const session = await connected(address);

  for (let pings = 0; pings < 5; pings += 1) await once(session, "ping");

  expect(session.destroyed).toBe(false);
});

it("lets the calls of a connection end that takes no more of them", async () => {
  const asked = deferred<void>();
  const release = deferred<void>();
  const times = { pingEveryMs: SHORT_MS, pingTimeoutMs: 10_000 };
  const { address, server } = await startWith(times, async () => {
    asked.resolve();
    await release.promise;
    return {};
  });
  const session = connectHttp2(address);
  const stream = beginBareCall(session, GET);
  const ending = endingOf(stream);
  stream.end(EMPTY_REQUEST);
  await asked.promise;

  const told = once(session, "goaway");
  const closed = server.close({ graceMs: NOT_LONG_MS });
  await told;
  for (let pings = 0; pings < 5; pings += 1) await once(session, "ping");
  release.resolve();

  expect((await ending)["grpc-status"]).toBe("0");
  await closed;
});

it.each([0, 1_024, 65_536])(
  "answers a client whose table of headers has %d bytes",
  async (headerTableSize) => {
    const { address } = await startWith({});
    const session = connectHttp2(address, { settings: { headerTableSize } });

    for (let calls = 0; calls < 2; calls += 1) {
      const stream = beginBareCall(session, GET);
      const ending = endingOf(stream);
      stream.end(EMPTY_REQUEST);
      expect((await ending)["grpc-status"]).toBe("0");
    }
  },
);
