import { Writable } from "node:stream";

/** What stands for a terminal, and shows what was written to it. */
export class Terminal extends Writable {
  readonly isTTY = true;
  screen = "";
  #look = () => {};

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.screen += chunk.toString();
    this.#look();
    done();
  }

  /** Waits until it shows a text. */
  untilShown(text: string): Promise<void> {
    return new Promise((resolve) => {
      this.#look = () => {
        if (this.screen.includes(text)) resolve();
      };
      this.#look();
    });
  }
}
