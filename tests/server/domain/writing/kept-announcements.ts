import type {
  Announcements,
  Checkpoint,
  MessageDelta,
} from "../../../../server/src/domain/follow/announcements.js";

/** Keeps what is announced of messages that are being written. */
export class KeptAnnouncements implements Announcements {
  readonly shown: MessageDelta[] = [];
  readonly checkpoints: Checkpoint[] = [];
  #waiting: { readonly count: number; readonly resolve: () => void } | undefined;

  changed(): void {}
  appended(): void {}
  updated(): void {}

  written(_sessionId: string, delta: MessageDelta): void {
    this.shown.push(delta);
    if (this.shown.length >= (this.#waiting?.count ?? Number.POSITIVE_INFINITY)) {
      this.#waiting?.resolve();
    }
  }

  checkpointed(_sessionId: string, checkpoint: Checkpoint): void {
    this.checkpoints.push(checkpoint);
  }

  /** Waits until so many deltas were shown. */
  untilShown(count: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.shown.length >= count) resolve();
      this.#waiting = { count, resolve };
    });
  }
}
