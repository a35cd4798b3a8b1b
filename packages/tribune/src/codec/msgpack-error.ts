/** Bytes that no msgpack writer produces, or a value of another kind than the caller reads. */
export class MsgpackError extends Error {
  override readonly name = "MsgpackError";
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(`msgpack: ${message} at byte ${offset}`);
    this.offset = offset;
  }
}

/**
 * The bytes end inside a value. On a stream this means "wait for more"; in a whole message it is damage
 * like any other, which is why it is a kind of `MsgpackError`.
 */
export class MsgpackShortError extends MsgpackError {
  constructor(offset: number) {
    super("the bytes end inside a value", offset);
  }
}

/** Bounds on what a peer may make us hold or recurse into. */
export interface MsgpackLimits {
  /** Nesting of arrays and maps. */
  readonly depthMax: number;
  /** Length of one text or byte string. */
  readonly rawBytesMax: number;
  /** Elements of one array, or pairs of one map. */
  readonly countMax: number;
}

export const MSGPACK_LIMITS: MsgpackLimits = {
  depthMax: 100,
  rawBytesMax: 256 * 1_024 * 1_024,
  countMax: 16 * 1_024 * 1_024,
};
