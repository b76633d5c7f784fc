/** What every call takes, as its last argument or beside the call's own options. */
export interface CallOptions {
  /** Ends the call with `cancelled`, here and on the server. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How long the call may take with all its retries, in milliseconds; then it ends
   * with `deadline_exceeded`, or where it was being repeated, with the `unavailable`
   * that made it so: at once, when the next pause would last longer than what is left.
   * For a stream: how long the next frame may take with all that is done to resume it,
   * while the consumer waits for it. For a list that spans pages: how long each page may
   * take. The default is that of `connect`, 30 s.
   */
  readonly timeoutMs?: number | undefined;
}
