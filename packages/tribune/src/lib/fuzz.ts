import { randomInt } from "./random.ts";
import type { Rng } from "./runtime.ts";

/**
 * Mutations for tests that feed parsers with almost-right input. Everything is drawn from a seeded `Rng`,
 * so a failing input is found again from its seed.
 */

/** Bytes that break parsers more often than chance would find: ends, signs, lengths, quotes, brackets. */
const SPITEFUL_BYTES = [0, 1, 0x7f, 0x80, 0xc0, 0xd9, 0xdf, 0xfe, 0xff, 0x22, 0x5c, 0x7b, 0x5b, 0x28, 0x0a];

const SPITEFUL_TEXTS = [
  "\0", "\n", "\r\n", '"', "\\", "`", "(", ")", "[", "]", "{", "}", ".", ",", "-", "+", "e", "0x", "''", "%00",
  "\ufeff", "\ud800", "\u2028", "é", "😀", "__proto__", "constructor", "9".repeat(40), "((((((((", "[[[[[[[[",
]; // biome-ignore format: a table

/** `input` with one to eight changes: bits, bytes, cuts, copies of its own parts. Never longer than `lengthMax`. */
export function mutateBytes(rng: Rng, input: Uint8Array, lengthMax = 64 * 1024): Uint8Array {
  let bytes = Array.from(input);
  for (let change = 1 + randomInt(rng, 8); change > 0; change--) {
    const at = randomInt(rng, bytes.length + 1);
    switch (randomInt(rng, 6)) {
      case 0:
        bytes[Math.min(at, bytes.length - 1)] = (bytes[at] ?? 0) ^ (1 << randomInt(rng, 8));
        break;
      case 1:
        bytes[Math.min(at, bytes.length - 1)] = SPITEFUL_BYTES[randomInt(rng, SPITEFUL_BYTES.length)] ?? 0;
        break;
      case 2:
        bytes.splice(at, 0, randomInt(rng, 256));
        break;
      case 3:
        bytes.splice(at, 1 + randomInt(rng, 4));
        break;
      case 4:
        bytes = bytes.slice(0, at);
        break;
      default:
        bytes.splice(at, 0, ...bytes.slice(at, at + 1 + randomInt(rng, 64)));
    }
  }
  return Uint8Array.from(bytes.slice(0, lengthMax), (byte) => byte & 0xff);
}

/** As `mutateBytes`, for text. */
export function mutateText(rng: Rng, input: string, lengthMax = 64 * 1024): string {
  let text = input;
  for (let change = 1 + randomInt(rng, 8); change > 0; change--) {
    const at = randomInt(rng, text.length + 1);
    const to = at + 1 + randomInt(rng, 8);
    switch (randomInt(rng, 5)) {
      case 0:
        text = text.slice(0, at) + SPITEFUL_TEXTS[randomInt(rng, SPITEFUL_TEXTS.length)] + text.slice(at);
        break;
      case 1:
        text = text.slice(0, at) + text.slice(to);
        break;
      case 2:
        text = text.slice(0, at) + String.fromCharCode(randomInt(rng, 128)) + text.slice(at + 1);
        break;
      case 3:
        text = text.slice(0, at);
        break;
      default:
        text = text.slice(0, to) + text.slice(at, to) + text.slice(to);
    }
  }
  return text.slice(0, lengthMax);
}

/** One of `items`, which must not be empty. */
export function pick<T>(rng: Rng, items: readonly T[]): T {
  return items[randomInt(rng, items.length)] as T;
}
