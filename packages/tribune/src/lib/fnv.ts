/**
 * FNV-1a of 64 bits (draft-eastlake-fnv) over the UTF-8 of a text, as hexadecimal digits without leading zeros.
 * For telling contents apart, not for keeping anyone out.
 */
export function fnv1a64(text: string): string {
  // The prime is 2^40 + 0x1b3: the product is worked out in two halves, each exact in a double.
  let high = 0xcbf29ce4;
  let low = 0x84222325;
  for (const byte of Buffer.from(text)) {
    low = (low ^ byte) >>> 0;
    const product = low * 0x1b3;
    high = (Math.imul(high, 0x1b3) + Math.floor(product / 2 ** 32) + (low << 8)) >>> 0;
    low = product >>> 0;
  }
  return ((BigInt(high) << 32n) | BigInt(low)).toString(16);
}
