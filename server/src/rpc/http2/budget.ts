/**
 * How often a client may do a thing at once, and how often a second after that. The numbers are those
 * of nghttp2 for resets: https://nghttp2.org/documentation/nghttp2_option_set_stream_reset_rate_limit.html
 */
const BURST = 1_000;
const PER_SECOND = 33;

/**
 * Counts how often a client does what makes work without an end, such as to begin streams and reset
 * them (CVE-2023-44487).
 */
export class Budget {
  #left = BURST;
  #countedAt = performance.now();

  /** Counts one, and gives whether it was allowed. */
  spend(): boolean {
    if (this.#left < 1) this.#refill();
    this.#left -= 1;
    return this.#left >= 0;
  }

  #refill(): void {
    const now = performance.now();
    this.#left = Math.min(BURST, this.#left + ((now - this.#countedAt) / 1_000) * PER_SECOND);
    this.#countedAt = now;
  }
}
