/**
 * CRC-64/XZ (reflected ECMA-182 polynomial, all-ones start and end), the sum in a snapshot directory's
 * meta.json. Halves of 32 bits and eight tables: BigInt takes fifty times as long.
 */
export class Crc64 {
  #high = 0xffff_ffff;
  #low = 0xffff_ffff;

  update(bytes: Uint8Array): this {
    let high = this.#high;
    let low = this.#low;
    const { length } = bytes;
    const view = new DataView(bytes.buffer, bytes.byteOffset, length);
    let at = 0;
    for (; at + 8 <= length; at += 8) {
      const first = low ^ view.getInt32(at, true);
      const second = high ^ view.getInt32(at + 4, true);
      const a = 1_792 + (first & 0xff);
      const b = 1_536 + ((first >>> 8) & 0xff);
      const c = 1_280 + ((first >>> 16) & 0xff);
      const d = 1_024 + (first >>> 24);
      const e = 768 + (second & 0xff);
      const f = 512 + ((second >>> 8) & 0xff);
      const g = 256 + ((second >>> 16) & 0xff);
      const h = second >>> 24;
      low = LOW[a]! ^ LOW[b]! ^ LOW[c]! ^ LOW[d]! ^ LOW[e]! ^ LOW[f]! ^ LOW[g]! ^ LOW[h]!;
      high = HIGH[a]! ^ HIGH[b]! ^ HIGH[c]! ^ HIGH[d]! ^ HIGH[e]! ^ HIGH[f]! ^ HIGH[g]! ^ HIGH[h]!;
    }
    for (; at < length; at++) {
      const slot = (low ^ bytes[at]!) & 0xff;
      low = ((low >>> 8) | (high << 24)) ^ LOW[slot]!;
      high = (high >>> 8) ^ HIGH[slot]!;
    }
    this.#high = high;
    this.#low = low;
    return this;
  }

  /** Eight bytes, big-endian. More may be added afterwards. */
  digest(): Uint8Array {
    const bytes = new Uint8Array(8);
    const view = new DataView(bytes.buffer);
    view.setInt32(0, ~this.#high);
    view.setInt32(4, ~this.#low);
    return bytes;
  }
}

const POLYNOMIAL_HIGH = 0xc96c5795;
const POLYNOMIAL_LOW = 0xd7870f42;
/** Table `n` at [256 n, 256 n + 256): a byte followed by `n` zero bytes. */
const HIGH = new Int32Array(2_048);
const LOW = new Int32Array(2_048);

for (let byte = 0; byte < 256; byte++) {
  let high = 0;
  let low = byte;
  for (let bit = 0; bit < 8; bit++) {
    const carry = low & 1;
    low = (low >>> 1) | (high << 31);
    high >>>= 1;
    if (carry) {
      high ^= POLYNOMIAL_HIGH;
      low ^= POLYNOMIAL_LOW;
    }
  }
  HIGH[byte] = high;
  LOW[byte] = low;
}
for (let slot = 256; slot < HIGH.length; slot++) {
  const high = HIGH[slot - 256]!;
  const low = LOW[slot - 256]!;
  HIGH[slot] = (high >>> 8) ^ HIGH[low & 0xff]!;
  LOW[slot] = ((low >>> 8) | (high << 24)) ^ LOW[low & 0xff]!;
}
