import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, sep } from "node:path";
import { root } from "./setup.mjs";

const server = join(root, "server");
const bin = join(server, "bin");
/** Says what the files were made of. */
const STAMP = ".made-of";

// Of a driver, only what a database needs is loaded, or it is compiled code.
const NOT_BUNDLED = ["better-sqlite3", "mysql2", "pg"];

/** What changes whenever the modules do: what the compiler leaves, and the dependencies. */
const SOURCES = [
  "server/tsconfig.tsbuildinfo",
  "client/tsconfig.tsbuildinfo",
  "package-lock.json",
  "scripts/bundle.mjs",
];

/**
 * Puts the command `mofa-state` and the modules that it loads into few files, in `server/bin`:
 * Node takes longer to find and read some 750 modules than for all else that a start does.
 *
 * Does nothing if that was done since what they are made of has changed.
 */
// Before anything is read: what changes meanwhile may be missing.
const madeOf = SOURCES.map((path) => statSync(join(root, path)).mtimeMs).join(" ");
if (!isThere()) await bundle();

/** Whether the files are there, made of what is there now. */
function isThere() {
  const stamp = join(bin, STAMP);
  return existsSync(stamp) && readFileSync(stamp, "utf8") === madeOf;
}

async function bundle() {
  const { rolldown } = await import("rolldown");
  const directory = `${bin}-${process.pid}`;
  try {
    const bundled = await rolldown({
      input: {
        "mofa-state": join(server, "dist/main.js"),
        // A process of its own, which is found beside the module that starts it.
        worker: join(server, "dist/workers/worker.js"),
      },
      platform: "node",
      external: NOT_BUNDLED,
      onLog: (level, log, report) => isAskedForByTypeOrm(log) || report(level, log),
    });
    const { output } = await bundled.write({ dir: directory, format: "esm", cleanDir: true });
    await bundled.close();
    writeFileSync(join(directory, "THIRD-PARTY-LICENSES"), licenses(output));
    chmodSync(join(directory, "mofa-state.js"), 0o755);
    writeFileSync(join(directory, STAMP), madeOf);
    putInPlace(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Whether a module was not found that TypeORM loads if it is there: the driver of another database. */
function isAskedForByTypeOrm({ code, id = "" }) {
  return code === "UNRESOLVED_IMPORT" && id.includes(join("node_modules", "typeorm"));
}

/** Puts the files where the old ones are, unless another build has done that meanwhile. */
function putInPlace(directory) {
  const old = `${directory}-old`;
  rmSync(old, { recursive: true, force: true });
  try {
    if (existsSync(bin)) renameSync(bin, old);
    renameSync(directory, bin);
  } catch (error) {
    if (!isThere()) throw error;
  } finally {
    if (!existsSync(bin) && existsSync(old)) renameSync(old, bin);
    rmSync(old, { recursive: true, force: true });
  }
}

/** The licenses of the packages that the files hold parts of. */
function licenses(output) {
  const modules = output.flatMap(({ moduleIds = [] }) => moduleIds);
  const foreign = modules.filter((id) => id.includes(`${sep}node_modules${sep}`));
  // What joins the modules is a part of the bundler.
  const packages = new Set([...foreign.map(packageOf), join(root, "node_modules/rolldown")]);
  return [...packages].sort().map(licenseOf).join("\n");
}

/** The directory of the package that a module belongs to. */
function packageOf(module) {
  for (let directory = dirname(module); ; directory = dirname(directory)) {
    // Some have files below that only say how modules are read.
    if (packageJson(directory).version !== undefined) return directory;
    if (directory === dirname(directory)) throw new Error(`${module} belongs to no package`);
  }
}

function licenseOf(directory) {
  const { name, version, license } = packageJson(directory);
  const own = readdirSync(directory).filter((file) => /^(licen[cs]e|copying)/i.test(file));
  // Few come without, for which we have the text.
  const files =
    own.length > 0
      ? own.map((file) => join(directory, file))
      : [join(root, "third_party/licenses", `${name}.txt`)];
  const texts = files.map((file) => readFileSync(file, "utf8"));
  return [`${name} ${version}, ${license}`, ...texts].join("\n\n");
}

function packageJson(directory) {
  const file = join(directory, "package.json");
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
}
