import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { argv, env, execPath, exit, version, versions } from "node:process";
import { fileURLToPath } from "node:url";

/** The repository's root directory. */
export const root = fileURLToPath(new URL("..", import.meta.url));

const TOOLCHAIN = "Python 3, make and a C++ compiler (on Debian: python3, make and g++)";

const STAMP = new URL("../node_modules/.mofa-state-setup", import.meta.url);

/**
 * Makes the checkout ready to run: installs the dependencies if they are missing or
 * not those of package-lock.json, and builds what has changed since the last build.
 *
 * Ends the process with a sentence if that fails.
 */
export function setUp() {
  installDependencies();
  const compiler = fileURLToPath(new URL("../node_modules/typescript/bin/tsc", import.meta.url));
  run([execPath, compiler, "-b", "server", "client", "examples"], "the build failed");
  run([execPath, "scripts/bundle.mjs"], "the command could not be bundled");
}

/** Installs the dependencies if they are missing or not those of package-lock.json. */
export function installDependencies() {
  requireNode();
  if (readStamp() === expectedStamp()) return;
  console.error("installing dependencies (the SQLite driver may be compiled, which takes minutes)");
  rmSync(STAMP, { force: true });
  // Not `npm ci`, which refuses a lock file without every platform's optional packages.
  // It ends by running this file, which leaves the stamp.
  npm(
    ["install", "--no-save", "--no-audit", "--no-fund"],
    `the dependencies could not be installed: if the SQLite driver could not, install ${TOOLCHAIN}`,
  );
  if (!driverLoads()) rebuildDriver();
}

/** Builds the SQLite driver anew, as one that was installed by another version of Node needs. */
function rebuildDriver() {
  const failure = `the SQLite driver cannot be used: install ${TOOLCHAIN}, and try again`;
  rmSync(STAMP, { force: true });
  npm(["rebuild", "better-sqlite3"], failure);
  if (!driverLoads()) fail(failure);
  leaveStamp();
}

function driverLoads() {
  const program = 'new (require("better-sqlite3"))(":memory:").close()';
  return spawnSync(execPath, ["-e", program], { cwd: root, stdio: "ignore" }).status === 0;
}

/** Runs npm with scripts, whatever is configured: they build the driver, and leave the stamp. */
function npm(args, failure) {
  const program = env.npm_execpath === undefined ? ["npm"] : [execPath, env.npm_execpath];
  const prefix = dirname(dirname(execPath));
  // Compiling takes Node's headers, which are downloaded unless npm is told where they are.
  const hasHeaders = existsSync(join(prefix, "include", "node", "node.h"));
  const headers =
    hasHeaders && !isConfigured(program, "nodedir") ? { npm_config_nodedir: prefix } : {};
  run([...program, ...args, "--ignore-scripts=false"], failure, headers);
}

function isConfigured([program, ...args], key) {
  const get = [...args, "config", "get", key];
  const { status, stdout } = spawnSync(program, get, { cwd: root, encoding: "utf8" });
  return status === 0 && stdout.trim() !== "undefined";
}

function requireNode() {
  const [major = 0, minor = 0] = versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  fail(`Node ${version} is too old: install Node 20.19 or newer`);
}

function readStamp() {
  try {
    return readFileSync(STAMP, "utf8");
  } catch {
    return undefined;
  }
}

/** What the stamp of an install that fits this checkout and this Node says. */
function expectedStamp() {
  const lock = readFileSync(new URL("../package-lock.json", import.meta.url));
  const digest = createHash("sha256").update(lock).digest("hex");
  // Compiled dependencies fit one version of Node's binary interface only.
  return `${digest} ${versions.modules}\n`;
}

function run([program, ...args], failure, variables = {}) {
  const { status, signal } = spawnSync(program, args, {
    cwd: root,
    env: { ...env, ...variables },
    // Only what the caller runs in the end writes to standard output.
    stdio: ["ignore", 2, 2],
  });
  if (status !== 0) fail(signal === null ? failure : `${failure}: ${signal}`);
}

function fail(sentence) {
  console.error(sentence);
  exit(1);
}

function leaveStamp() {
  writeFileSync(STAMP, expectedStamp());
}

// The `postinstall` script of package.json: npm gets here once everything is installed.
if (argv[1] === fileURLToPath(import.meta.url)) leaveStamp();
