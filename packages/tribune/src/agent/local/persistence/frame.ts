/**
 * Records in a file: little-endian payload length (4 bytes), CRC-32 of the payload (4 bytes), payload.
 * A file begins with MAGIC. Whatever follows the last whole record was never acknowledged.
 */
export const MAGIC = new TextEncoder().encode("TRLOCAL1");

const HEADER_BYTES = 8;
/** Far above the largest registration body a door lets in; a greater length is damage. */
const MAX_PAYLOAD_BYTES = 64 * 1024 * 1024;

export function frame(payload: Uint8Array): Uint8Array {
  const framed = new Uint8Array(HEADER_BYTES + payload.length);
  const view = new DataView(framed.buffer);
  view.setUint32(0, payload.length, true);
  view.setUint32(4, crc32(payload), true);
  framed.set(payload, HEADER_BYTES);
  return framed;
}

/**
 * Hands out the payloads of a file in order.
 * @returns how many bytes from the start are whole: less than the file's length where its tail is damaged.
 */
export function readFrames(file: Uint8Array, onPayload: (payload: Uint8Array) => void): number {
  if (!startsWithMagic(file)) return 0;
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let at = MAGIC.length;
  while (at + HEADER_BYTES <= file.length) {
    const length = view.getUint32(at, true);
    const end = at + HEADER_BYTES + length;
    if (length > MAX_PAYLOAD_BYTES || end > file.length) return at;
    const payload = file.subarray(at + HEADER_BYTES, end);
    if (crc32(payload) !== view.getUint32(at + 4, true)) return at;
    onPayload(payload);
    at = end;
  }
  return at;
}

function startsWithMagic(file: Uint8Array): boolean {
  return file.length >= MAGIC.length && MAGIC.every((byte, at) => file[at] === byte);
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc >>> 0;
});

/** CRC-32 as in IEEE 802.3 and zlib. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let at = 0; at < bytes.length; at++) crc = TABLE[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
