/** A header block that cannot be decoded: the connection's tables do not agree any more, and it must end with COMPRESSION_ERROR. */
export class HeaderBlockError extends Error {
  override readonly name = "HeaderBlockError";
}
