/**
 * JSON whose integers may need 64 bits: KV flags and Raft indexes beyond 2^53 become strings of digits, not another
 * number. Where there are none, which one scan tells, this is `JSON.parse`.
 */
export function parseJson(text: string): unknown {
  return JSON.parse(/\d{16}/.test(text) ? quoteLongIntegers(text) : text);
}

const strings = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

function quoteLongIntegers(text: string): string {
  return text.replace(strings, (piece) =>
    /^-?\d{16,}$/.test(piece) && !Number.isSafeInteger(Number(piece)) ? `"${piece}"` : piece,
  );
}
