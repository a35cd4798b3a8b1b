/** yamux's frame header (sheet consul-rpc §2): version, type, flags, stream, length; 12 bytes, big-endian. */

export const YAMUX_HEADER_BYTES = 12;

export const YAMUX_TYPE = { data: 0, windowUpdate: 1, ping: 2, goAway: 3 } as const;
export const YAMUX_FLAG = { syn: 1, ack: 2, fin: 4, rst: 8 } as const;
export const YAMUX_GO_AWAY = { normal: 0, protocolError: 1, internalError: 2 } as const;

export interface YamuxHeader {
  readonly type: number;
  readonly flags: number;
  /** 0 for the session itself. */
  readonly streamId: number;
  /** Bytes that follow (data), credit (window update), an opaque value (ping) or a code (go-away). */
  readonly length: number;
}

/** Bytes that are no yamux. The session cannot go on. */
export class YamuxError extends Error {
  override readonly name = "YamuxError";
}

export function encodeYamuxHeader(type: number, flags: number, streamId: number, length: number): Uint8Array {
  const header = Buffer.allocUnsafe(YAMUX_HEADER_BYTES);
  header[0] = 0;
  header[1] = type;
  header.writeUInt16BE(flags, 2);
  header.writeUInt32BE(streamId, 4);
  header.writeUInt32BE(length, 8);
  return header;
}

/** @throws YamuxError for another version or an unknown type. */
export function decodeYamuxHeader(bytes: Uint8Array, at: number): YamuxHeader {
  const version = bytes[at]!;
  const type = bytes[at + 1]!;
  if (version !== 0) throw new YamuxError(`yamux version ${version}`);
  if (type > YAMUX_TYPE.goAway) throw new YamuxError(`yamux frame of type ${type}`);
  return {
    type,
    flags: (bytes[at + 2]! << 8) | bytes[at + 3]!,
    streamId: u32(bytes, at + 4),
    length: u32(bytes, at + 8),
  };
}

function u32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/**
 * Cuts a byte stream into headers and pieces of payload, as they come: a data frame is handed on piece by piece, so
 * that nothing but an incomplete header is ever kept.
 */
export class YamuxParser {
  readonly #onHeader: (header: YamuxHeader) => void;
  readonly #onPayload: (streamId: number, piece: Uint8Array) => void;
  readonly #partial = new Uint8Array(YAMUX_HEADER_BYTES);
  #partialBytes = 0;
  #streamId = 0;
  #payloadLeft = 0;

  constructor(onHeader: (header: YamuxHeader) => void, onPayload: (streamId: number, piece: Uint8Array) => void) {
    this.#onHeader = onHeader;
    this.#onPayload = onPayload;
  }

  /** @throws YamuxError, after which the parser is of no use. */
  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#payloadLeft > 0) {
        const end = Math.min(chunk.length, at + this.#payloadLeft);
        this.#payloadLeft -= end - at;
        this.#onPayload(this.#streamId, chunk.subarray(at, end));
        at = end;
        continue;
      }
      if (this.#partialBytes === 0 && chunk.length - at >= YAMUX_HEADER_BYTES) {
        this.#header(decodeYamuxHeader(chunk, at));
        at += YAMUX_HEADER_BYTES;
        continue;
      }
      this.#partial[this.#partialBytes++] = chunk[at++]!;
      if (this.#partialBytes < YAMUX_HEADER_BYTES) continue;
      this.#partialBytes = 0;
      this.#header(decodeYamuxHeader(this.#partial, 0));
    }
  }

  #header(header: YamuxHeader): void {
    if (header.type === YAMUX_TYPE.data) {
      this.#streamId = header.streamId;
      this.#payloadLeft = header.length;
    }
    this.#onHeader(header);
  }
}
