import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { env } from "node:process";
import { installDependencies, root } from "./setup.mjs";

/** The packages, with what has to be in them beside what is in all. */
const PACKAGES = { proto: [], server: ["bin/THIRD-PARTY-LICENSES"], client: [] };

/** What users of a package expect to find in it. */
const DOCUMENTS = ["LICENSE", "README.md"];

/** The checks, in order; each gives its output and whether it found nothing, or why it was skipped. */
const STEPS = [
  ["proto lint", () => run("buf", "lint")],
  ["proto format", () => run("buf", "format", "--diff", "--exit-code", "proto")],
  ["proto compatibility", checkCompatibility],
  ["generated code", checkGenerated],
  ["lint and format", () => run("biome", "ci", "--colors=off", "--error-on-warnings")],
  ["types", () => run("tsc", "--build", "server", "client", "examples")],
  ["command", () => run("node", join(root, "scripts/bundle.mjs"))],
  ["types of the tests", () => run("tsc", "--project", "tests")],
  ["unused code", () => run("knip", "--no-progress")],
  ...Object.keys(PACKAGES).map((name) => [`package ${name}`, () => checkPackage(name)]),
];

installDependencies();
const scratch = mkdtempSync(join(tmpdir(), "mofa-state-verify-"));
const failed = STEPS.filter(([name, check]) => !report(name, check)).map(([name]) => name);
rmSync(scratch, { recursive: true, force: true });
console.log(failed.length === 0 ? "verified" : `not verified: ${failed.join(", ")}`);
process.exitCode = failed.length === 0 ? 0 : 1;

function report(name, check) {
  const startedAt = performance.now();
  const { ok, output, skipped } = check();
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const result = ok ? "ok    " : "FAILED";
  console.log(skipped ? `${name} skipped: ${skipped}` : `${result} ${name} (${seconds} s)`);
  if (!ok) console.log(output);
  return ok;
}

/** Runs a tool of the repository. */
function run(tool, ...args) {
  const path = `${join(root, "node_modules", ".bin")}${delimiter}${env.PATH}`;
  const { status, stdout, stderr, error } = spawnSync(tool, args, {
    cwd: root,
    encoding: "utf8",
    env: { ...env, PATH: path },
    maxBuffer: 64 * 1024 * 1024,
  });
  return { ok: status === 0, output: `${stdout ?? ""}${stderr ?? ""}${error?.message ?? ""}` };
}

/** Runs checks until one fails, and gives the last one's result. */
function runEach(...checks) {
  let result = { ok: true, output: "" };
  for (const check of checks) {
    result = check();
    if (!result.ok) break;
  }
  return result;
}

/** Compares the API with the last release, or where there is none with the main branch. */
function checkCompatibility() {
  const tag = run("git", "describe", "--tags", "--abbrev=0");
  const ref = tag.ok ? tag.output.trim() : "origin/main";
  const published = run("git", "cat-file", "-e", `${ref}:buf.yaml`).ok;
  if (!published) return { ok: true, output: "", skipped: "nothing to compare with" };
  return run("buf", "breaking", "--against", `.git#ref=${ref}`);
}

/** Generates the code anew elsewhere, and compares it with what is committed. */
function checkGenerated() {
  return runEach(
    () => run("buf", "generate", "--output", scratch),
    () => run("git", "diff", "--no-index", "--exit-code", "proto/gen", join(scratch, "proto/gen")),
  );
}

/** Packs a package as it would be published, and checks what its users would get. */
function checkPackage(name) {
  const target = join(scratch, "packages", name);
  return runEach(
    () => run("mkdir", "-p", target),
    () => run("npm", "pack", "--workspace", name, "--pack-destination", target),
    () => checkDocuments(target, [...DOCUMENTS, ...PACKAGES[name]]),
    () => run("publint", "run", "--strict", tarball(target)),
    () => run("attw", "--profile", "esm-only", tarball(target)),
  );
}

function checkDocuments(directory, documents) {
  const { ok, output } = run("tar", "--list", "--file", tarball(directory));
  const files = new Set(output.split("\n"));
  const missing = documents.filter((name) => !files.has(`package/${name}`));
  return ok && missing.length > 0
    ? { ok: false, output: `the package lacks ${missing.join(" and ")}` }
    : { ok, output };
}

function tarball(directory) {
  const [file = ""] = readdirSync(directory);
  return join(directory, file);
}
