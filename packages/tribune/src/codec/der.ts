/** DER (X.690): tags and lengths of what certificates are made of. Definite lengths only, as DER has it. */

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
} as const;

/** Deepest length field taken: four bytes of length are 4 GiB. */
const LENGTH_BYTES_MAX = 4;

export class DerError extends Error {
  override readonly name = "DerError";
}

/** One element: tag, length, and `parts` one behind the other. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.from([tag]), lengthBytes(length), ...parts]);
}

function lengthBytes(length: number): Uint8Array {
  if (length < 0x80) return Buffer.from([length]);
  const digits = length.toString(16);
  const bytes = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, "hex");
  return Buffer.concat([Buffer.from([0x80 | bytes.length]), bytes]);
}

/** A whole number that is not negative. */
export function derInteger(value: bigint): Uint8Array {
  const digits = value.toString(16);
  const bytes = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, "hex");
  // A first bit of 1 would make it negative.
  return der(TAG.integer, (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes);
}

/** `1.2.840.10045.2.1` */
export function derOid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((arc) => {
    const groups = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) groups.unshift(0x80 | (left % 128));
    return groups;
  });
  return der(TAG.oid, Buffer.from(bytes));
}

/** Bits that fill whole bytes. */
export function derBitString(bytes: Uint8Array, unusedBits = 0): Uint8Array {
  return der(TAG.bitString, Buffer.from([unusedBits]), bytes);
}

/** PrintableString where the text allows it, else UTF8String. */
export function derText(text: string): Uint8Array {
  return der(/^[A-Za-z0-9 '()+,\-./:=?]*$/.test(text) ? TAG.printableString : TAG.utf8String, Buffer.from(text));
}

/** Unix milliseconds as UTCTime, from 2050 on as GeneralizedTime (RFC 5280 §4.1.2.5). Whole seconds. */
export function derTime(unixMs: number): Uint8Array {
  const text = `${new Date(unixMs).toISOString().slice(0, 19).replace(/[-T:]/g, "")}Z`;
  const year = Number(text.slice(0, 4));
  return year < 2050 ? der(TAG.utcTime, Buffer.from(text.slice(2))) : der(TAG.generalizedTime, Buffer.from(text));
}

export interface DerElement {
  readonly tag: number;
  /** Tag and length included. */
  readonly whole: Uint8Array;
  readonly content: Uint8Array;
}

/** The elements that fill `bytes`. @throws DerError */
export function readDer(bytes: Uint8Array): readonly DerElement[] {
  const elements: DerElement[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = bytes[at] as number;
    const first = bytes[at + 1];
    if (first === undefined) throw new DerError("truncated element");
    let head = 2;
    let length = first;
    if (first >= 0x80) {
      const count = first & 0x7f;
      if (count === 0 || count > LENGTH_BYTES_MAX) throw new DerError("unsupported length");
      length = 0;
      for (let i = 0; i < count; i++) length = length * 256 + (bytes[at + 2 + i] ?? 0);
      head += count;
    }
    const end = at + head + length;
    if (end > bytes.length) throw new DerError("truncated element");
    elements.push({ tag, whole: bytes.subarray(at, end), content: bytes.subarray(at + head, end) });
    at = end;
  }
  return elements;
}
