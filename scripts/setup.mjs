import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { argv, env, execPath, exit, version, versions } from "node:process";
import { fileURLToPath } from "node:url";

/** The repository's root directory. */
export const root = fileURLToPath(new URL("..", import.meta.url));

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
  run([execPath, compiler, "-b", "server", "client"], "the build failed");
}

/** Installs the dependencies if they are missing or not those of package-lock.json. */
export function installDependencies() {
  requireNode();
  if (readStamp() !== expectedStamp()) {
    console.error("installing dependencies (the SQLite driver is compiled: this can take minutes)");
    rmSync(STAMP, { force: true });
    // Not `npm ci`, which refuses a lock file without every platform's optional packages.
    // It ends by running this file, which leaves the stamp.
    const npm = env.npm_execpath === undefined ? ["npm"] : [execPath, env.npm_execpath];
    const install = [...npm, "install", "--no-save", "--no-audit", "--no-fund"];
    run(install, "the dependencies could not be installed");
  }
}

function requireNode() {
  const [major = 0, minor = 0] = versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  console.error(`Node ${version} is too old: install Node 20.19 or newer`);
  exit(1);
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

function run([program, ...args], failure) {
  // Only what the caller runs in the end writes to standard output.
  const { status, signal } = spawnSync(program, args, { cwd: root, stdio: ["ignore", 2, 2] });
  if (status === 0) return;
  console.error(signal === null ? failure : `${failure}: ${signal}`);
  exit(1);
}

// The `postinstall` script of package.json: npm gets here once everything is installed.
if (argv[1] === fileURLToPath(import.meta.url)) writeFileSync(STAMP, expectedStamp());
