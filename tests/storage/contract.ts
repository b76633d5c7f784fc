import { describe } from "vitest";
import { testAgentStateList } from "./contract/agent-state-list.js";
import { testAgentStates } from "./contract/agent-states.js";
import { testAppends } from "./contract/appends.js";
import { testChangeReads } from "./contract/change-reads.js";
import { testChanges } from "./contract/changes.js";
import { testConcurrency } from "./contract/concurrency.js";
import { testDeletion } from "./contract/deletion.js";
import { testForkCopies } from "./contract/fork-copies.js";
import { testForkRaces } from "./contract/fork-races.js";
import { testForkReads } from "./contract/fork-reads.js";
import { testForks } from "./contract/forks.js";
import { testIdempotency } from "./contract/idempotency.js";
import { testKeptReads } from "./contract/kept-reads.js";
import { testLifecycle } from "./contract/lifecycle.js";
import { testMessageEdits } from "./contract/message-edits.js";
import { testMessageReads } from "./contract/message-reads.js";
import { testNumbers } from "./contract/numbers.js";
import { testReach } from "./contract/reach.js";
import { testSessionCreation } from "./contract/session-creation.js";
import { testSessionFilters } from "./contract/session-filters.js";
import { testSessionList } from "./contract/session-list.js";
import { testSessionOpening } from "./contract/session-opening.js";
import { testSessionUpdates } from "./contract/session-updates.js";
import { prepareSuite, type StorageBackend, type StorageSuite } from "./contract/storage-suite.js";
import { testStoredValues } from "./contract/stored-values.js";
import { testTakeOvers } from "./contract/take-overs.js";
import { testUsage } from "./contract/usage.js";
import { testUsageAtomicity } from "./contract/usage-atomicity.js";
import { testUsageTotals } from "./contract/usage-totals.js";
import { testWriteEnds } from "./contract/write-ends.js";
import { testWrites } from "./contract/writes.js";

const TOPICS: Readonly<Record<string, (suite: StorageSuite) => void>> = {
  "creating a session": testSessionCreation,
  "opening a session": testSessionOpening,
  "updating a session": testSessionUpdates,
  "listing sessions": testSessionList,
  "filtering sessions": testSessionFilters,
  appending: testAppends,
  "repeating an append": testIdempotency,
  "reading messages": testMessageReads,
  "reading what contexts keep": testKeptReads,
  "editing a message": testMessageEdits,
  deleting: testDeletion,
  forking: testForks,
  "forks and copies": testForkCopies,
  "forks that change at once": testForkRaces,
  "forks that are read while they change": testForkReads,
  "agent state": testAgentStates,
  "listing agent state": testAgentStateList,
  "changes of a session": testChanges,
  "reading changes": testChangeReads,
  "writing a message": testWrites,
  "taking over a message": testTakeOvers,
  "the end of a writer": testWriteEnds,
  "API calls": testUsage,
  "totals of API calls": testUsageTotals,
  "API calls with messages": testUsageAtomicity,
  "what is stored": testStoredValues,
  "large numbers": testNumbers,
  "a session out of reach": testReach,
  "many at once": testConcurrency,
  "a storage": testLifecycle,
};

/**
 * Tests that a backend keeps every promise of the port `Storage`, its comments sentence
 * by sentence. A new backend needs no more than a call of this.
 */
export function describeStorage(name: string, backend: StorageBackend): void {
  describe(name, () => {
    const suite = prepareSuite(backend);
    for (const [topic, test] of Object.entries(TOPICS)) describe(topic, () => test(suite));
  });
}
