import { createServer } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { Connections } from "../../../../server/src/rpc/http2/connections.js";
import { CONNECTION_TIMES } from "../../../../server/src/rpc/http2/keep-alive.js";
import { wholeCall } from "../../../support/raw-frames.js";
import { connectRaw } from "../../../support/raw-http2.js";
import { STREAM } from "../message-calls.js";

const INTERNAL_ERROR = 2;

it("ends a connection alone where something fails that is no fault of the client", async () => {
  const defect = new Error("a defect of the server");
  const defects: unknown[] = [];
  const connections = new Connections(CONNECTION_TIMES, {
    onStream() {
      throw defect;
    },
    onDefect: (error) => defects.push(error),
  });
  const server = createServer((socket) => connections.accept(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("there is no port");
  const client = await connectRaw(`127.0.0.1:${address.port}`);
  const other = await connectRaw(`127.0.0.1:${address.port}`);

  client.send(wholeCall(1, STREAM));

  expect(await client.goAway()).toEqual({ lastStreamId: 1, code: INTERNAL_ERROR });
  await client.closed;
  expect(defects).toEqual([defect]);
  await other.pinged();
});
