import type { ChangeStorage } from "../../../../server/src/domain/change-storage.js";
import type { Storage } from "../../../../server/src/domain/storage.js";

/** Gives a storage some of whose ways to read changes are other ones. */
export function withChanges(storage: Storage, others: Partial<ChangeStorage>): Storage {
  const { changes } = storage;
  return {
    ...storage,
    changes: {
      position: (ref) => changes.position(ref),
      read: (...query) => changes.read(...query),
      messagesBeingWritten: (ref) => changes.messagesBeingWritten(ref),
      changedMessages: (...query) => changes.changedMessages(...query),
      tail: (...query) => changes.tail(...query),
      revisions: (ids) => changes.revisions(ids),
      ...others,
    },
  };
}
