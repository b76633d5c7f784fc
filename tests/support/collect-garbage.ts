import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

let collect: NodeJS.GCFunction | undefined;

/** Collects the garbage of this process at once: all of it, or of young objects alone. */
export function collectGarbage(type: "major" | "minor" = "major"): void {
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as NodeJS.GCFunction;
  }
  // With options, V8 leaves weak references alone even if it collects all.
  if (type === "major") collect();
  else collect({ type });
}
