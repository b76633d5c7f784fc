import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { UsageError } from "../../../server/src/domain/usage-error.js";
import {
  formatListenAddress,
  type ListenAddress,
  parseListenAddress,
} from "../../../server/src/rpc/listen-address.js";
import { type Listener, openListener } from "../../../server/src/rpc/listener.js";

async function socketAddress(): Promise<Extract<ListenAddress, { kind: "unix" }>> {
  const directory = await mkdtemp(join(tmpdir(), "mofa-state-listen-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  return { kind: "unix", path: join(directory, "socket") };
}

async function open(address: ListenAddress): Promise<Listener> {
  const listener = await openListener(address, (socket) => socket.destroy());
  onTestFinished(() => listener.close(0).catch(() => {}));
  return listener;
}

/** Leaves a socket's file behind, as a process does that is killed. */
async function leaveSocket(path: string): Promise<void> {
  const script = `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
  await once(spawn(process.execPath, ["-e", script]), "exit");
}

describe("an address to listen on", () => {
  it.each<[string, ListenAddress]>([
    ["127.0.0.1:50051", { kind: "tcp", host: "127.0.0.1", port: 50051 }],
    ["localhost:0", { kind: "tcp", host: "localhost", port: 0 }],
    ["[::1]:80", { kind: "tcp", host: "::1", port: 80 }],
    ["unix:/run/mofa.sock", { kind: "unix", path: "/run/mofa.sock" }],
  ])("is read from %j and written back", (text, address) => {
    expect(parseListenAddress(text)).toEqual(address);
    expect(formatListenAddress(address)).toBe(text);
  });

  it.each(["", "50051", ":50051", "host", "host:", "host:65536", "::1:80", "host:1x", "unix:"])(
    "is not %j",
    (text) => {
      expect(() => parseListenAddress(text)).toThrow(UsageError);
    },
  );
});

describe("a listener", () => {
  it.each(["127.0.0.1", "::1"])("picks a free port on %s", async (host) => {
    const { address } = await open({ kind: "tcp", host, port: 0 });

    expect(address).toMatchObject({ kind: "tcp", host });
    expect(address.kind === "tcp" && address.port).toBeGreaterThan(0);
  });

  it("cuts a connection whose peer does not end it", async () => {
    const listener = await openListener({ kind: "tcp", host: "127.0.0.1", port: 0 }, () => {});
    const port = listener.address.kind === "tcp" ? listener.address.port : 0;
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    onTestFinished(() => {
      socket.destroy();
    });
    await once(socket, "connect");

    await expect(listener.close(5)).resolves.toBeUndefined();
  });

  it("says that a port is taken", async () => {
    const { address } = await open({ kind: "tcp", host: "127.0.0.1", port: 0 });

    await expect(open(address)).rejects.toThrow(/it is in use; stop the process/);
  });

  it("says that a host is not known", async () => {
    const address: ListenAddress = { kind: "tcp", host: "203.0.113.1", port: 0 };

    await expect(open(address)).rejects.toThrow(/this machine does not have that address/);
  });

  it("replaces a socket on which nobody listens, and removes it at the end", async () => {
    const address = await socketAddress();
    await leaveSocket(address.path);
    const wasThere = existsSync(address.path);

    const listener = await open(address);
    const socket = connect(address.path);
    await once(socket, "connect");
    socket.destroy();
    await listener.close(0);

    expect(wasThere).toBe(true);
    expect(existsSync(address.path)).toBe(false);
  });

  it("leaves a socket on which somebody listens", async () => {
    const address = await socketAddress();
    await open(address);

    await expect(open(address)).rejects.toThrow(/it is in use/);
    expect(existsSync(address.path)).toBe(true);
  });

  it("leaves a file that is no socket", async () => {
    const address = await socketAddress();
    await writeFile(address.path, "precious");

    await expect(open(address)).rejects.toThrow(/it is in use/);
    expect(existsSync(address.path)).toBe(true);
  });

  it("says that a socket's directory does not exist", async () => {
    const { path } = await socketAddress();

    await expect(open({ kind: "unix", path: `${path}/none/socket` })).rejects.toThrow(
      /the directory does not exist/,
    );
  });
});
