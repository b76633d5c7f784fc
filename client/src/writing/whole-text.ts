import { describe } from "../convert/describe.js";
import { invalidArgument } from "../errors.js";
import { isWellFormed } from "../transport/well-formed.js";
import { checkNulls } from "./nulls.js";

const HALF = "must be Unicode text: it has half of a surrogate pair";

/**
 * Makes whole characters of text that comes in pieces: the first half of a surrogate pair
 * at the end of a piece is held back until its second half comes.
 */
export class WholeText {
  #half = "";

  /**
   * Takes a piece, and gives the text that is whole with it.
   *
   * @throws StateError `invalid_argument` if it is no text or has U+0000, or a half has no
   * other half; in the last case the half that was held back is forgotten, too.
   */
  take(piece: string): string {
    if (typeof piece !== "string") {
      throw invalidArgument("delta.text", `must be text, or a part, not ${describe(piece)}`);
    }
    checkNulls(piece, "delta.text");
    const text = this.#half + piece;
    const length = /[\ud800-\udbff]$/.test(text) ? text.length - 1 : text.length;
    this.#half = text.slice(length);
    const whole = text.slice(0, length);
    if (isWellFormed(whole)) return whole;
    this.#half = "";
    throw invalidArgument("delta.text", HALF);
  }

  /**
   * Says that there is no more text; a half that was held back is forgotten.
   *
   * @throws StateError `invalid_argument` if there was one.
   */
  end(): void {
    const half = this.#half;
    this.#half = "";
    if (half !== "") throw invalidArgument("delta.text", HALF);
  }
}
