/** CRC-32 (IEEE 802.3, as in zlib). By hand because codecs are pure and Node 20's zlib has no `crc32` in every release. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (let at = 0; at < bytes.length; at++) crc = TABLE[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffff_ffff) >>> 0;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1;
  return value;
});

/** The polynomial, lowest bit first; bit 31 stands for x^0. */
const POLYNOMIAL = 0xedb88320;
const ONE = 0x8000_0000;

/**
 * The sum of two byte strings one after the other, from the sum of each.
 *
 * @param byteCount length of the second; at most 2^53.
 */
export function crc32Joined(first: number, second: number, byteCount: number): number {
  return crc32After(first, crc32Shift(byteCount), second);
}

/** The same with what `crc32Shift` says of the second: worked out once, it makes joining twenty times as quick. */
export function crc32After(first: number, shift: number, second: number): number {
  return (multiply(shift, first) ^ second) >>> 0;
}

/** What a sum is multiplied by when so many bytes follow: x^8 for each, modulo the polynomial. */
export function crc32Shift(byteCount: number): number {
  let power = ONE;
  // x^8, x^16, x^32, … by squaring.
  let square = ONE >>> 8;
  for (let left = byteCount; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) power = multiply(power, square);
    square = multiply(square, square);
  }
  return power;
}

/** Without branches, which no processor could foresee. */
function multiply(a: number, b: number): number {
  let product = 0;
  for (let bit = 31; bit >= 0; bit--) {
    product ^= b & -((a >>> bit) & 1);
    b = (b >>> 1) ^ (POLYNOMIAL & -(b & 1));
  }
  return product >>> 0;
}
