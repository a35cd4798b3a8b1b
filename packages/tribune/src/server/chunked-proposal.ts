/** Cutting a command that is too long for one log entry (sheet raft §5 Chunking); `state/chunking` joins the pieces. */

/** hashicorp's `SuggestedMaxDataSize`: above it the leader's heartbeats would wait for one entry. */
export const CHUNK_BYTES = 512 * 1_024;

/** Consul cuts key-value commands only: others stay small, or grow by what no other server would put together again. */
const CHUNKED_TYPE = 2;

export interface CommandPiece {
  readonly data: Uint8Array;
  readonly extensions?: Uint8Array;
}

/**
 * @param data type byte and msgpack.
 * @param opNum drawn at random: tells this command's pieces from another's.
 * @returns pieces to be proposed together, in this order and in one term: the last one's result is the command's.
 */
export function commandPieces(data: Uint8Array, opNum: bigint): readonly CommandPiece[] {
  if (data.length <= CHUNK_BYTES || data[0] !== CHUNKED_TYPE) return [{ data }];
  const count = Math.ceil(data.length / CHUNK_BYTES);
  return Array.from({ length: count }, (_, at) => ({
    data: data.subarray(at * CHUNK_BYTES, (at + 1) * CHUNK_BYTES),
    extensions: chunkHeader(opNum, at, count),
  }));
}

/** Protobuf {1 op_num, 2 sequence_num, 3 num_chunks}; zeroes are left out, as Go does. */
function chunkHeader(opNum: bigint, sequence: number, count: number): Uint8Array {
  const bytes: number[] = [];
  for (const [field, value] of [
    [1, opNum],
    [2, BigInt(sequence)],
    [3, BigInt(count)],
  ] as const) {
    if (value === 0n) continue;
    bytes.push(field << 3);
    let left = value;
    for (; left >= 0x80n; left >>= 7n) bytes.push(Number(left & 0x7fn) | 0x80);
    bytes.push(Number(left));
  }
  return Uint8Array.from(bytes);
}
