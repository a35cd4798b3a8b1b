/**
 * Text that may not be text. A Go string holds any bytes, and KV keys are chosen by clients, so a byte that
 * is not part of valid UTF-8 becomes a lone surrogate U+DC80..U+DCFF (as Python's `surrogateescape` has it)
 * and turns back into that byte. Where such text leaves as UTF-8 in the usual way it shows U+FFFD, as in Go's JSON.
 *
 * A *byte string* is the other form: one char per byte of the UTF-8. It sorts and cuts as Go sorts and cuts,
 * and is the same string for ASCII.
 */

const ESCAPE_BASE = 0xdc00;
// Matches without the u flag would also hit the second half of proper pairs.
const ESCAPED = /[\udc80-\udcff]/u;
const ESCAPED_ALL = /[\udc80-\udcff]/gu;
// biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is what is asked for.
const ASCII = /^[\x00-\x7f]*$/;

/** Whether text holds a byte that is not UTF-8. */
export function hasRawBytes(text: string): boolean {
  return !ASCII.test(text) && ESCAPED.test(text);
}

export function textOfBytes(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString("utf8");
  return text.includes("\ufffd") ? escapeInvalid(buffer) : text;
}

/** The bytes that `textOfBytes` would read the text from. */
export function bytesOfText(text: string): Uint8Array {
  return hasRawBytes(text) ? Buffer.from(byteString(text), "latin1") : Buffer.from(text, "utf8");
}

/** One char per byte of the UTF-8 form. */
export function byteString(text: string): string {
  if (ASCII.test(text)) return text;
  if (!ESCAPED.test(text)) return Buffer.from(text, "utf8").toString("latin1");
  let bytes = "";
  let from = 0;
  for (const { index } of text.matchAll(ESCAPED_ALL)) {
    bytes += Buffer.from(text.slice(from, index), "utf8").toString("latin1");
    bytes += String.fromCharCode(text.charCodeAt(index) - ESCAPE_BASE);
    from = index + 1;
  }
  return bytes + Buffer.from(text.slice(from), "utf8").toString("latin1");
}

export function textOfByteString(bytes: string): string {
  return ASCII.test(bytes) ? bytes : textOfBytes(Buffer.from(bytes, "latin1"));
}

function escapeInvalid(buffer: Buffer): string {
  let text = "";
  let validFrom = 0;
  for (let at = 0; at < buffer.length; ) {
    const length = sequenceLength(buffer, at);
    if (length > 0) {
      at += length;
      continue;
    }
    text += buffer.toString("utf8", validFrom, at) + String.fromCharCode(ESCAPE_BASE + (buffer[at] as number));
    validFrom = ++at;
  }
  return text + buffer.toString("utf8", validFrom);
}

/** Length of the valid UTF-8 sequence that starts here (RFC 3629 §4), or 0. */
function sequenceLength(buffer: Buffer, at: number): number {
  const first = buffer[at] as number;
  if (first < 0x80) return 1;
  const second = buffer[at + 1] ?? 0;
  if (first >= 0xc2 && first <= 0xdf) return isTail(second) ? 2 : 0;
  const thirdIsTail = isTail(buffer[at + 2] ?? 0);
  if (first >= 0xe0 && first <= 0xef) {
    const low = first === 0xe0 ? 0xa0 : 0x80;
    const high = first === 0xed ? 0x9f : 0xbf; // surrogates have no UTF-8
    return second >= low && second <= high && thirdIsTail ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const low = first === 0xf0 ? 0x90 : 0x80;
    const high = first === 0xf4 ? 0x8f : 0xbf; // U+10FFFF is the last
    return second >= low && second <= high && thirdIsTail && isTail(buffer[at + 3] ?? 0) ? 4 : 0;
  }
  return 0;
}

function isTail(byte: number): boolean {
  return byte >= 0x80 && byte <= 0xbf;
}
