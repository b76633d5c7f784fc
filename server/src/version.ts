import { readFileSync } from "node:fs";

/** Gives the version of this package, for example `1.2.3`. */
export function packageVersion(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  const { version } = JSON.parse(text) as { readonly version: string };
  return version;
}
