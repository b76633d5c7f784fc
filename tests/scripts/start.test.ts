import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { expect, it, onTestFinished } from "vitest";

const ROOT = new URL("../..", import.meta.url);
const SERVE = ["scripts/start.mjs", "--listen", "127.0.0.1:0", "--database", "memory:"];

it("starts a server, and says how to talk to it", async () => {
  const child = spawn(process.execPath, SERVE, { cwd: ROOT, stdio: ["ignore", "pipe", "ignore"] });
  const exited = once(child, "close");
  onTestFinished(async () => {
    child.kill("SIGTERM");
    await exited;
  });
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line.trim());
    if (line.startsWith("Ctrl-C")) break;
  }
  const command = lines.find((line) => line.startsWith("npx buf curl")) ?? "";
  const client = lines.slice(lines.findIndex((line) => line.startsWith("import"))).join("\n");

  const { stdout } = await promisify(execFile)("sh", ["-c", command], { cwd: ROOT });
  const program = ["--input-type=module", "-e", client.replace(/Ctrl-C.*$/s, "")];
  const history = await promisify(execFile)(process.execPath, program, { cwd: ROOT });
  child.kill("SIGTERM");
  const [code] = await exited;

  expect(JSON.parse(stdout)).toMatchObject({ session: { key: "hello" }, created: true });
  expect(history.stdout).toBe("user Hello\n");
  expect(code).toBe(0);
});

it("plays the demo to its end", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ["scripts/demo.mjs"], {
    cwd: ROOT,
  });

  expect(stdout).toContain("ended by SIGKILL");
  expect(stdout).toMatch(/answered, at sequence 6\n/);
  expect(stdout).toMatch(/goes on after \d+ bytes of its answer/);
  expect(stdout).toContain(
    'supervisor: complete: You asked "Is everything still there?", and this answer is kept word by word while it is given.\n',
  );
});
