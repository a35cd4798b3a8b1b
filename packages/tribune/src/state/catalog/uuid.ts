/** Node ids as Consul reads them. */
import { TribuneError } from "../../lib/errors.ts";

/** @throws TribuneError with the text of Consul's parser when `id` is not a UUID. @returns 32 hex digits. */
export function uuidDigits(id: string): string {
  if (id.length !== 36) throw TribuneError.internal("uuid string is wrong length");
  if (id[8] !== "-" || id[13] !== "-" || id[18] !== "-" || id[23] !== "-") {
    throw TribuneError.internal("uuid is improperly formatted");
  }
  const digits = id.slice(0, 8) + id.slice(9, 13) + id.slice(14, 18) + id.slice(19, 23) + id.slice(24);
  const foreign = /[^0-9a-fA-F]/.exec(digits)?.[0];
  if (foreign !== undefined) {
    const point = foreign.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
    throw TribuneError.internal(`encoding/hex: invalid byte: U+${point} '${foreign}'`);
  }
  return digits.toLowerCase();
}

/**
 * Digits that the ids of the nodes meant by a shortened id start with: an even number of them, and up to four
 * dashes anywhere. Undefined when the text cannot be the beginning of an id.
 */
export function uuidPrefixDigits(text: string): string | undefined {
  if (text.length < 2 || text.length > 36) return undefined;
  const even = text.length % 2 === 0 ? text : text.slice(0, -1);
  const digits = even.replaceAll("-", "");
  if (even.length - digits.length > 4 || digits.length % 2 !== 0 || !/^[0-9a-fA-F]+$/.test(digits)) return undefined;
  return digits.toLowerCase();
}
