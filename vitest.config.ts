import { configDefaults, defineConfig } from "vitest/config";

// Tests see the packages' source, so that nothing has to be built to debug one.
const conditions = ["mofa-state-source", "node"];

// Where `npm test` and CI read the counts from.
const report = process.env.MOFA_STATE_TEST_REPORT;

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    environment: "node",
    include: ["tests/**/*.test.ts"],
    exclude: [...configDefaults.exclude, "**/dist/**", "tests/bench/**"],
    globalSetup: ["tests/support/global-setup.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 30_000,
    // A crash of one file's native code or server must not take the others along.
    pool: "forks",
    maxWorkers: 2,
    reporters: report === undefined ? ["default"] : ["default", ["json", { outputFile: report }]],
  },
});
