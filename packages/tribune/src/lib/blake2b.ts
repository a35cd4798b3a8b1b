/**
 * BLAKE2b-256 without a key (RFC 7693): Consul marks the contents of an intention with it. Over texts of some hundred
 * bytes, now and then, so it is written to be read.
 */

const IV: readonly bigint[] = [
  0x6a09e667f3bcc908n,
  0xbb67ae8584caa73bn,
  0x3c6ef372fe94f82bn,
  0xa54ff53a5f1d36f1n,
  0x510e527fade682d1n,
  0x9b05688c2b3e6c1fn,
  0x1f83d9abfb41bd6bn,
  0x5be0cd19137e2179n,
];
/** RFC 7693 §2.7; rounds ten and eleven are the first two again. */
const SIGMA: readonly (readonly number[])[] = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
  [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
  [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
  [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
  [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
  [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
  [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
  [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
  [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
  [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];
const ROUNDS = 12;
const BLOCK_BYTES = 128;
const DIGEST_BYTES = 32;
const WORD = (1n << 64n) - 1n;
/** Columns, then diagonals of the 4 by 4 words. */
const MIXES: readonly (readonly [number, number, number, number])[] = [
  [0, 4, 8, 12],
  [1, 5, 9, 13],
  [2, 6, 10, 14],
  [3, 7, 11, 15],
  [0, 5, 10, 15],
  [1, 6, 11, 12],
  [2, 7, 8, 13],
  [3, 4, 9, 14],
];

/** @returns 32 bytes. */
export function blake2b256(data: Uint8Array): Uint8Array {
  const hash = BigUint64Array.from(IV);
  hash[0]! ^= 0x01010000n ^ BigInt(DIGEST_BYTES);
  let from = 0;
  for (; data.length - from > BLOCK_BYTES; from += BLOCK_BYTES)
    compress(hash, data.subarray(from, from + BLOCK_BYTES), from + BLOCK_BYTES, false);
  compress(hash, data.subarray(from), data.length, true);
  const digest = new Uint8Array(DIGEST_BYTES);
  const view = new DataView(digest.buffer);
  for (let word = 0; word < DIGEST_BYTES / 8; word++) view.setBigUint64(word * 8, hash[word]!, true);
  return digest;
}

/** @param counted bytes of the whole message up to the end of this block */
function compress(hash: BigUint64Array, block: Uint8Array, counted: number, last: boolean): void {
  const padded = new Uint8Array(BLOCK_BYTES);
  padded.set(block);
  const bytes = new DataView(padded.buffer);
  const message = Array.from({ length: 16 }, (_, word) => bytes.getBigUint64(word * 8, true));
  const work = BigUint64Array.from([...hash, ...IV]);
  work[12]! ^= BigInt(counted);
  if (last) work[14]! ^= WORD;
  for (let round = 0; round < ROUNDS; round++) {
    const order = SIGMA[round % SIGMA.length]!;
    for (const [at, places] of MIXES.entries())
      mix(work, places, message[order[2 * at]!]!, message[order[2 * at + 1]!]!);
  }
  for (let word = 0; word < 8; word++) hash[word]! ^= work[word]! ^ work[word + 8]!;
}

function mix(v: BigUint64Array, [a, b, c, d]: readonly [number, number, number, number], x: bigint, y: bigint): void {
  v[a] = v[a]! + v[b]! + x;
  v[d] = rotated(v[d]! ^ v[a]!, 32n);
  v[c] = v[c]! + v[d]!;
  v[b] = rotated(v[b]! ^ v[c]!, 24n);
  v[a] = v[a]! + v[b]! + y;
  v[d] = rotated(v[d]! ^ v[a]!, 16n);
  v[c] = v[c]! + v[d]!;
  v[b] = rotated(v[b]! ^ v[c]!, 63n);
}

const rotated = (word: bigint, by: bigint): bigint => (word >> by) | ((word << (64n - by)) & WORD);
