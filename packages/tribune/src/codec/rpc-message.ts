/**
 * The framing of RPC calls: Go's net/rpc over msgpack (sheet consul-rpc §3). A message is two values, header and body,
 * one behind the other and without lengths; where they end shows only in reading them.
 */
import { MsgpackError, MsgpackReader, MsgpackScanner, MsgpackWriter } from "./msgpack.ts";

export interface RpcRequestHeader {
  readonly seq: number;
  readonly method: string;
}
export interface RpcResponseHeader extends RpcRequestHeader {
  /** "" for success. */
  readonly error: string;
}

/** An empty map: the body of an error, and what methods without a result answer. */
export const EMPTY_BODY: Uint8Array = Uint8Array.of(0x80);

/** Longest name of a method that is looked at; Consul's longest has 33. */
const METHOD_BYTES_MAX = 256;

export function encodeRequestHeader({ seq, method }: RpcRequestHeader): Uint8Array {
  return new MsgpackWriter(64).mapHeader(2).text("Seq").int(seq).text("ServiceMethod").text(method).take();
}

export function encodeResponseHeader({ seq, method, error }: RpcResponseHeader): Uint8Array {
  const writer = new MsgpackWriter(64).mapHeader(3).text("Error").text(error);
  return writer.text("Seq").int(seq).text("ServiceMethod").text(method).take();
}

/** @throws MsgpackError */
export function decodeHeader(bytes: Uint8Array): RpcResponseHeader {
  const reader = new MsgpackReader(bytes);
  let [seq, method, error] = [0, "", ""];
  for (let left = reader.mapHeader(); left > 0; left--) {
    switch (reader.key()) {
      case "Seq":
        seq = reader.int();
        break;
      case "ServiceMethod":
        method = reader.text();
        break;
      case "Error":
        error = reader.text();
        break;
      default:
        reader.skip();
    }
  }
  if (method.length > METHOD_BYTES_MAX) throw new MsgpackError("the name of a method is too long", 0);
  return { seq, method, error };
}

/** Header and body of one message. They share memory with what was pushed, and nobody changes that. */
export interface RpcMessage {
  readonly header: Uint8Array;
  readonly body: Uint8Array;
}

/** Puts messages together out of chunks of a byte stream. */
export class RpcMessages {
  readonly #bytesMax: number;
  #buffer: Buffer = Buffer.alloc(0);
  /** Bytes of `#buffer` that hold something. */
  #length = 0;
  readonly #scanner = new MsgpackScanner();
  #headerEnd = -1;

  /** @param bytesMax of one message, header and body. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bufferedBytes(): number {
    return this.#length;
  }

  push(chunk: Uint8Array): void {
    if (this.#length === 0) {
      // Nothing waits: the chunk itself is the buffer. Messages mostly come whole.
      this.#buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      this.#length = chunk.length;
      return;
    }
    const needed = this.#length + chunk.length;
    if (needed > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, Math.min(2 * this.#buffer.length, this.#bytesMax)));
      this.#buffer.copy(grown, 0, 0, this.#length);
      this.#buffer = grown;
    }
    this.#buffer.set(chunk, this.#length);
    this.#length = needed;
  }

  /**
   * The next whole message, or undefined until more has come.
   *
   * @throws MsgpackError for bytes that are none, and for a message that is too long.
   */
  next(): RpcMessage | undefined {
    const bytes = this.#buffer.subarray(0, this.#length);
    if (this.#headerEnd < 0) {
      const end = this.#scanner.scan(bytes);
      if (end === undefined) return this.#wait();
      this.#headerEnd = end;
      this.#scanner.restart(end);
    }
    const end = this.#scanner.scan(bytes);
    if (end === undefined) return this.#wait();
    const message = { header: bytes.subarray(0, this.#headerEnd), body: bytes.subarray(this.#headerEnd, end) };
    // What was handed out stays as it is: the rest moves on to a view of its own.
    this.#buffer = this.#buffer.subarray(end, this.#length);
    this.#length -= end;
    this.#headerEnd = -1;
    this.#scanner.restart(0);
    return message;
  }

  #wait(): undefined {
    if (this.#length > this.#bytesMax)
      throw new MsgpackError(`a message of more than ${this.#bytesMax} bytes`, this.#length);
    if (this.#length > 0 && this.#buffer.byteOffset !== 0) this.#own();
    return undefined;
  }

  /** The rest of a chunk is copied, so that a few bytes do not hold a whole read buffer, and may grow in place. */
  #own(): void {
    const own = Buffer.allocUnsafeSlow(Math.max(512, 2 * this.#length));
    this.#buffer.copy(own, 0, 0, this.#length);
    this.#buffer = own;
  }
}
