/**
 * The error of a setting that cannot be right, whatever state the machine is in.
 *
 * Its message names the setting and says what would be right. The command answers it
 * with exit code 2.
 */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
