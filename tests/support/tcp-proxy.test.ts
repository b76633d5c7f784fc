import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { TcpProxy } from "./tcp-proxy.js";

/** Starts a proxy in front of a server that sends back what it gets. */
async function startProxy(): Promise<TcpProxy> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return TcpProxy.start(`127.0.0.1:${address.port}`);
}

function open(proxy: TcpProxy): Socket {
  const { hostname, port } = new URL(`http://${proxy.address}`);
  const socket = connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  return socket;
}

async function echo(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  const [answer] = await once(socket, "data");
  return String(answer);
}

it("passes on what is sent, both ways", async () => {
  const proxy = await startProxy();

  expect(await echo(open(proxy), "hello")).toBe("hello");
  expect(proxy.accepted).toBe(1);
});

it("resets its connections, and passes new ones", async () => {
  const proxy = await startProxy();
  const socket = open(proxy);
  await echo(socket, "hello");

  proxy.reset();

  const [error] = await once(socket, "error");
  expect(error).toMatchObject({ code: "ECONNRESET" });
  expect(await echo(open(proxy), "hello again")).toBe("hello again");
});

it("swallows what goes through a connection, and passes new ones when it is told to", async () => {
  const proxy = await startProxy();
  const socket = open(proxy);
  await echo(socket, "hello");
  let heard = 0;
  socket.on("data", () => {
    heard += 1;
  });

  proxy.swallow();
  socket.write("is anybody there?");
  proxy.pass();

  expect(await echo(open(proxy), "yes")).toBe("yes");
  expect(heard).toBe(0);
});

it("refuses connections until it listens again", async () => {
  const proxy = await startProxy();

  await proxy.refuse();

  const [error] = await once(open(proxy), "error");
  expect(error).toMatchObject({ code: "ECONNREFUSED" });
  await proxy.listen();
  expect(await echo(open(proxy), "hello")).toBe("hello");
});
