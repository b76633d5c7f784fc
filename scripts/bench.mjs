import { spawnSync } from "node:child_process";
import { argv, execPath, exit } from "node:process";
import { runNode } from "./foreground.mjs";
import { root, setUp } from "./setup.mjs";

setUp();
compile();

const { exited } = runNode(["tests/bench/dist/bench/main.js", ...argv.slice(2)]);
process.exitCode = await exited;

/** Compiles the benchmark, which Node 20 could not run as TypeScript. */
function compile() {
  const args = ["node_modules/typescript/bin/tsc", "-p", "tests/bench"];
  const { status } = spawnSync(execPath, args, { cwd: root, stdio: ["ignore", 2, 2] });
  if (status !== 0) exit(1);
}
