/**
 * LZW as memberlist's compress message has it (sheet memberlist §3): least significant bit first, 8-bit
 * literals, codes of 9 to 12 bits, clear code 256, end code 257, widened once all codes of a width are assigned.
 */
import { GossipCodecError } from "./gossip-error.ts";

const CLEAR = 256;
const END = 257;
const FIRST_FREE = 258;
const WIDTH_MIN = 9;
const WIDTH_MAX = 12;
const CODES_MAX = 1 << WIDTH_MAX;
/** Output starts at this multiple of the input and doubles: gossip shrinks two to four times. */
const OUTPUT_GUESS = 4;

/**
 * @param outputBytesMax more output than this is refused: a few bytes can stand for very many.
 * @throws GossipCodecError for a code that cannot be, an end that does not come, or too much output.
 */
export function lzwDecode(input: Uint8Array, outputBytesMax: number): Uint8Array {
  const codes = new CodeReader(input);
  let output = new Uint8Array(Math.min(outputBytesMax, 64 + input.length * OUTPUT_GUESS));
  let length = 0;
  let next = FIRST_FREE;
  // The string of the code before this one, as a place in the output; none right after a clear.
  let previousStart = 0;
  let previousLength = 0;
  for (;;) {
    const code = codes.read();
    if (code === END) return output.subarray(0, length);
    if (code === CLEAR) {
      codes.width = WIDTH_MIN;
      next = FIRST_FREE;
      previousLength = 0;
      continue;
    }
    // The new code stands for the previous string and the byte behind it, which this very round writes.
    if (previousLength > 0 && next < CODES_MAX) {
      entryStart[next] = previousStart;
      entryLength[next] = previousLength + 1;
      next++;
    }
    if (code >= next || (code > END && previousLength === 0)) {
      throw new GossipCodecError("malformed", `lzw: code ${code} is not assigned yet`);
    }
    const size = code < CLEAR ? 1 : entryLength[code]!;
    if (length + size > outputBytesMax) throw tooLarge(outputBytesMax);
    if (length + size > output.length) output = grown(output, length + size, outputBytesMax);
    if (code < CLEAR) output[length] = code;
    else {
      // Byte by byte and forward: source and target overlap by one byte when the code is the newest.
      let from = entryStart[code]!;
      for (let to = length; to < length + size; ) output[to++] = output[from++]!;
    }
    previousStart = length;
    previousLength = size;
    length += size;
    if (next === 1 << codes.width && codes.width < WIDTH_MAX) codes.width++;
  }
}

// Scratch of one call at a time: no call gives way before it is done with them.
const entryStart = new Uint32Array(CODES_MAX);
const entryLength = new Uint32Array(CODES_MAX);

class CodeReader {
  width = WIDTH_MIN;
  readonly #input: Uint8Array;
  #position = 0;
  #bits = 0;
  #bitCount = 0;

  constructor(input: Uint8Array) {
    this.#input = input;
  }

  read(): number {
    while (this.#bitCount < this.width) {
      const byte = this.#input[this.#position++];
      if (byte === undefined) throw new GossipCodecError("malformed", "lzw: the bytes end before the end code");
      this.#bits |= byte << this.#bitCount;
      this.#bitCount += 8;
    }
    const code = this.#bits & ((1 << this.width) - 1);
    this.#bits >>>= this.width;
    this.#bitCount -= this.width;
    return code;
  }
}

function tooLarge(outputBytesMax: number): GossipCodecError {
  return new GossipCodecError("tooLarge", `lzw: more than ${outputBytesMax} bytes of output`);
}

function grown(output: Uint8Array, needed: number, max: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.min(max, Math.max(needed, output.length * 2)));
  larger.set(output);
  return larger;
}

/** The same bytes as the peers' writer: a clear code first, and another whenever the table is full. */
export function lzwEncode(input: Uint8Array): Uint8Array {
  const codes = new CodeWriter(input.length);
  codes.write(CLEAR);
  if (input.length > 0) encodeStrings(input, codes);
  codes.write(END);
  return codes.finish();
}

function encodeStrings(input: Uint8Array, codes: CodeWriter): void {
  children.fill(0);
  let string = input[0]!; // the code of the longest string known so far
  let next = END; // the newest code, which the first string after a clear does not get an entry for
  for (let at = 1; at <= input.length; at++) {
    const byte = input[at];
    const slot = byte === undefined ? -1 : slotOf(string, byte);
    if (slot >= 0 && children[slot] !== 0) {
      string = children[slot]! & (CODES_MAX - 1);
      continue;
    }
    codes.write(string);
    next++;
    if (next === 1 << codes.width) codes.width++;
    if (next === CODES_MAX - 1) {
      codes.write(CLEAR);
      codes.width = WIDTH_MIN;
      next = END;
      children.fill(0);
    } else if (byte !== undefined) children[slot] = (((string << 8) | byte) << WIDTH_MAX) | next;
    if (byte !== undefined) string = byte;
  }
}

/**
 * Strings by their prefix's code and last byte, open addressing: 20 bits of key and 12 of code in each slot, 0 for
 * an empty one. Four slots per possible string keep the runs short.
 */
const SLOTS = CODES_MAX * 4;
const children = new Uint32Array(SLOTS);

/** The slot that holds this string, or the empty one where it belongs. */
function slotOf(prefix: number, byte: number): number {
  const key = (prefix << 8) | byte;
  let slot = (Math.imul(key, 0x9e37_79b1) >>> 18) & (SLOTS - 1);
  while (children[slot] !== 0 && children[slot]! >>> WIDTH_MAX !== key) slot = (slot + 1) & (SLOTS - 1);
  return slot;
}

class CodeWriter {
  width = WIDTH_MIN;
  readonly #output: Uint8Array;
  #length = 0;
  #bits = 0;
  #bitCount = 0;

  /** A code of 12 bits for each byte and the clears is the worst case. */
  constructor(inputLength: number) {
    this.#output = new Uint8Array(Math.ceil(inputLength * 1.5) + Math.ceil(inputLength / 2_048) + 8);
  }

  write(code: number): void {
    this.#bits |= code << this.#bitCount;
    this.#bitCount += this.width;
    while (this.#bitCount >= 8) {
      this.#output[this.#length++] = this.#bits & 0xff;
      this.#bits >>>= 8;
      this.#bitCount -= 8;
    }
  }

  finish(): Uint8Array {
    if (this.#bitCount > 0) this.#output[this.#length++] = this.#bits & 0xff;
    return this.#output.slice(0, this.#length);
  }
}
