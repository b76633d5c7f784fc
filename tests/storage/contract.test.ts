import { describeDatabases } from "../support/databases.js";
import { describeStorage } from "./contract.js";

describeDatabases("the storage", ({ kind, create }) => {
  describeStorage("keeps its contract", { create, isShared: kind !== "memory" });
});
