import { stableId } from "@mofa-state/client";
import { expect, it } from "vitest";

// As Python has it: uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_DNS, "mofa.state"), name).
it.each([
  ["", "40192666-c007-578b-9a98-e4b8c354cf27"],
  ["ann", "d02cff59-c9b6-5953-a5a0-bd1e55bc8202"],
  ["Zoë 🦊", "7ff5a383-28b2-5ce4-a1fc-225f68825973"],
])("turns %j into the UUID of version 5 in the namespace of MoFA State", (name, id) => {
  expect(stableId(name)).toBe(id);
});

it.each(["\ud83d", undefined as unknown as string])("refuses %j", (name) => {
  expect(() => stableId(name)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
});
