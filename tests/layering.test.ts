import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it, onTestFinished } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Where a file lies, and what it must not import from there. */
const FORBIDDEN = [
  ["server/src/domain", "typeorm"],
  ["server/src/domain", "pg"],
  ["server/src/domain", "node:fs"],
  ["server/src/domain", "@grpc/grpc-js"],
  ["server/src/domain", "@bufbuild/protobuf"],
  ["server/src/domain", "@mofa-state/proto/mofa/state/v1/session_pb.js"],
  ["server/src/domain", "../rpc/status.js"],
  ["server/src/domain", "../storage/dialect.js"],
  ["server/src/domain", "../server.js"],
  ["server/src/domain/follow", "typeorm"],
  ["server/src/domain/follow", "@grpc/grpc-js"],
  ["server/src/domain/follow", "../../rpc/status.js"],
  ["server/src/domain/follow", "../../storage/dialect.js"],
  ["server/src/domain/follow", "../../server.js"],
  ["server/src/storage", "@grpc/grpc-js"],
  ["server/src/storage", "@bufbuild/protobuf/wire"],
  ["server/src/storage", "@mofa-state/proto/mofa/state/v1/session_pb.js"],
  ["server/src/storage", "../rpc/status.js"],
  ["server/src/storage/migrations", "../../rpc/status.js"],
  ["server/src/rpc", "typeorm"],
  ["server/src/rpc", "pg"],
  ["server/src/rpc", "@grpc/grpc-js"],
  ["server/src/rpc/calls", "@grpc/grpc-js"],
  ["server/src/rpc/calls", "@mofa-state/proto/mofa/state/v1/session_pb.js"],
  ["server/src/rpc/calls", "../codec.js"],
  ["server/src/rpc/calls", "../../domain/model.js"],
  ["server/src/rpc/http2", "node:http2"],
  ["server/src/rpc/http2", "../calls/incoming-call.js"],
  ["server/src/rpc/http2", "../status.js"],
  ["server/src/rpc/http2", "../../domain/errors.js"],
  ["server/src/rpc", "../storage/dialect.js"],
  ["server/src/rpc/handlers", "../../storage/dialect.js"],
  ["server/src/rpc", "@mofa-state/client"],
  ["server/src", "typeorm"],
  ["server/src", "@mofa-state/client"],
  ["server/src", "../../client/src/index.js"],
  ["server/src/storage", "@mofa-state/client"],
  ["server/src/storage", "../command/serve.js"],
  ["server/src/rpc", "../command/serve.js"],
  ["server/src/command", "typeorm"],
  ["server/src/command", "@grpc/grpc-js"],
  ["server/src/command", "@mofa-state/proto/mofa/state/v1/session_pb.js"],
  ["server/src/command", "../rpc/status.js"],
  ["server/src/command", "../../../client/src/index.js"],
  ["server/src/embedded", "typeorm"],
  ["server/src/embedded", "@grpc/grpc-js"],
  ["server/src/embedded", "../rpc/status.js"],
  ["server/src/storage", "../embedded/stores.js"],
  ["server/src/domain", "../embedded/stores.js"],
  ["server/src/rpc", "../embedded/stores.js"],
  ["client/src", "@mofa-state/server"],
  ["client/src", "../../server/src/domain/errors.js"],
  ["client/src", "typeorm"],
  ["client/src", "openai"],
  ["client/src", "./agent/index.js"],
  ["client/src/agent", "@mofa-state/server"],
  ["client/src/agent", "@grpc/grpc-js"],
  ["client/src/agent", "@mofa-state/proto/mofa/state/v1/session_pb.js"],
  ["client/src/agent", "../transport/transport.js"],
  ["tests/api", "../../server/src/server.js"],
  ["examples", "@mofa-state/server"],
  ["examples", "../client/src/session.js"],
  ["examples", "./chat.js"],
] as const;

/** What the rules must leave alone. */
const ALLOWED = [
  ["server/src/domain", "./model.js"],
  ["server/src/domain", "node:crypto"],
  ["server/src/domain", "./follow/feeds.js"],
  ["server/src/domain/follow", "./ring.js"],
  ["server/src/domain/follow", "../model.js"],
  ["server/src/domain/writing", "../follow/announcements.js"],
  ["server/src/storage", "../domain/storage.js"],
  ["server/src/storage", "typeorm"],
  ["server/src/storage/migrations", "../dialect.js"],
  ["server/src/rpc", "../domain/storage.js"],
  ["server/src/rpc", "@bufbuild/protobuf"],
  ["server/src/rpc", "./http2/connections.js"],
  ["server/src/rpc/calls", "../status.js"],
  ["server/src/rpc/calls", "../http2/stream.js"],
  ["server/src/rpc/calls", "../../domain/errors.js"],
  ["server/src/rpc/http2", "./connections.js"],
  ["server/src/rpc/http2", "node:net"],
  ["server/src", "./storage/open.js"],
  ["server/src", "./rpc/status.js"],
  ["server/src/embedded", "@mofa-state/client"],
  ["server/src/embedded", "../server.js"],
  ["server/src", "./embedded/stores.js"],
  ["server/src/command", "@mofa-state/client"],
  ["server/src/command", "../server.js"],
  ["server/src/command", "../storage/open.js"],
  ["client/src", "@mofa-state/proto/mofa/state/v1/session_pb.js"],
  ["client/src/agent", "openai"],
  ["client/src/agent", "../session.js"],
  ["client/src/agent", "./turn.js"],
  ["tests/api", "@mofa-state/server"],
  ["tests/server", "../../server/src/server.js"],
  ["examples", "@mofa-state/client"],
  ["examples", "@mofa-state/client/agent"],
  ["examples", "node:process"],
] as const;

it("reports every import against the layers, and no other", () => {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "mofa-state-layering-")));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  writeConfiguration(directory);
  const forbidden = FORBIDDEN.map((planted, index) => plant(directory, planted, `no-${index}.ts`));
  for (const [index, planted] of ALLOWED.entries()) plant(directory, planted, `yes-${index}.ts`);

  const reported = filesWithForbiddenImports(directory);

  expect(reported).toEqual(new Set(forbidden));
});

/** Uses the repository's own rules; the copy is in no git repository. */
function writeConfiguration(directory: string): void {
  const configuration = JSON.parse(readFileSync(join(ROOT, "biome.json"), "utf8"));
  const copy = { ...configuration, $schema: undefined, vcs: { enabled: false } };
  writeFileSync(join(directory, "biome.json"), JSON.stringify(copy));
}

function plant(
  directory: string,
  [folder, module]: readonly [string, string],
  name: string,
): string {
  const path = join(directory, folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `import { thing } from "${module}";\n\nthing();\n`);
  return path;
}

function filesWithForbiddenImports(directory: string): Set<string> {
  const biome = join(ROOT, "node_modules", ".bin", "biome");
  const args = [
    "lint",
    "--only=style/noRestrictedImports",
    "--reporter=github",
    "--max-diagnostics=none",
  ];
  const { stdout } = spawnSync(biome, args, { cwd: directory, encoding: "utf8" });
  return new Set(
    [...stdout.matchAll(/noRestrictedImports.*?file=([^,]+)/g)].map(([, file]) => file ?? ""),
  );
}
