import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { argv } from "node:process";
import { runNode } from "./foreground.mjs";
import { setUp } from "./setup.mjs";
import { closingLine } from "./test-report.mjs";

setUp();

const directory = mkdtempSync(join(tmpdir(), "mofa-state-report-"));
const report = process.env.MOFA_STATE_TEST_REPORT ?? join(directory, "report.json");
rmSync(report, { force: true });

const args = ["node_modules/vitest/vitest.mjs", "run", ...argv.slice(2)];
const { exited } = runNode(args, { env: { MOFA_STATE_TEST_REPORT: report } });

process.exitCode = await exited;
console.log(closingLine(report));
rmSync(directory, { recursive: true, force: true });
