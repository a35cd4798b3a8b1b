import { MESSAGE_BYTES_MAX } from "../codec/dns-types.ts";

const LENGTH_BYTES = 2;

/** Messages out of a TCP stream: each has its length in two bytes before it (RFC 1035 §4.2.2). */
export class TcpFrames {
  #buffered: Uint8Array = new Uint8Array(0);

  get bufferedBytes(): number {
    return this.#buffered.length;
  }

  push(chunk: Uint8Array): void {
    this.#buffered = this.#buffered.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#buffered, chunk]);
  }

  /** The next whole message, or undefined until more has arrived. */
  next(): Uint8Array | undefined {
    if (this.#buffered.length < LENGTH_BYTES) return undefined;
    const length = ((this.#buffered[0] as number) << 8) | (this.#buffered[1] as number);
    if (this.#buffered.length < LENGTH_BYTES + length) return undefined;
    const message = this.#buffered.subarray(LENGTH_BYTES, LENGTH_BYTES + length);
    this.#buffered = this.#buffered.subarray(LENGTH_BYTES + length);
    return message;
  }
}

/** @returns undefined for a message that TCP cannot carry either. */
export function tcpFrame(message: Uint8Array): Uint8Array | undefined {
  if (message.length > MESSAGE_BYTES_MAX) return undefined;
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + message.length);
  frame.writeUInt16BE(message.length, 0);
  frame.set(message, LENGTH_BYTES);
  return frame;
}
