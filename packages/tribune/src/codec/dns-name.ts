/** Domain names between wire and presentation form (RFC 1035 §3.1, §4.1.4, §5.1). */

/** A name with its zero byte is at most this long (RFC 1035 §2.3.4). */
const NAME_BYTES_MAX = 255;
const LABEL_BYTES_MAX = 63;
/** More pointers than a name can have labels means a loop. */
const POINTERS_MAX = 126;

export interface ReadName {
  readonly name: string;
  /** Offset behind the name where it stands, not behind what its pointers lead to. */
  readonly end: number;
}

/** A name that no packet can carry: a label over 63 bytes, an empty label, more than 255 bytes. */
export class DnsNameError extends Error {
  override readonly name = "DnsNameError";
  constructor(name: string, reason: string) {
    super(`"${name}" is no domain name: ${reason}`);
  }
}

const BACKSLASH = 0x5c;
const DOT = 0x2e;

/** How one byte of a label is written (the characters that have a meaning in zone files get a backslash). */
const PRESENTED: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const char = String.fromCharCode(byte);
  if (". '@;()\"\\".includes(char)) return `\\${char}`;
  return byte < 0x20 || byte > 0x7e ? `\\${String(byte).padStart(3, "0")}` : char;
});

/**
 * Reads a possibly compressed name at `at`.
 * @returns undefined for anything malformed: cut off, reserved label types, pointer loops, too long.
 */
export function readName(packet: Uint8Array, at: number): ReadName | undefined {
  let text = "";
  let end = -1;
  let budget = NAME_BYTES_MAX;
  let pointers = 0;
  for (;;) {
    const length = packet[at];
    if (length === undefined) return undefined;
    at++;
    if (length === 0) break;
    if ((length & 0xc0) === 0xc0) {
      const low = packet[at];
      if (low === undefined || ++pointers > POINTERS_MAX) return undefined;
      if (end < 0) end = at + 1;
      at = ((length & 0x3f) << 8) | low;
      continue;
    }
    if ((length & 0xc0) !== 0 || at + length > packet.length) return undefined;
    budget -= length + 1;
    if (budget <= 0) return undefined;
    for (const stop = at + length; at < stop; at++) text += PRESENTED[packet[at] as number] as string;
    text += ".";
  }
  return { name: text === "" ? "." : text, end: end < 0 ? at : end };
}

/**
 * The labels of a name as raw bytes, in order; none for the root.
 * @throws DnsNameError
 */
export function labelBytes(name: string): Uint8Array[] {
  if (name === "." || name === "") return [];
  const bytes = Buffer.from(name, "utf8");
  const labels: Uint8Array[] = [];
  let label: number[] = [];
  let total = 1;
  const finish = (): void => {
    if (label.length === 0) throw new DnsNameError(name, "it has an empty label");
    if (label.length > LABEL_BYTES_MAX) throw new DnsNameError(name, "a label is longer than 63 bytes");
    total += label.length + 1;
    if (total > NAME_BYTES_MAX) throw new DnsNameError(name, "it is longer than 255 bytes");
    labels.push(Uint8Array.from(label));
    label = [];
  };
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte === DOT) finish();
    else if (byte === BACKSLASH) {
      const digits = bytes.toString("latin1", at + 1, at + 4);
      if (/^\d{3}$/.test(digits)) {
        label.push(Number(digits) & 0xff);
        at += 3;
      } else if (at + 1 < bytes.length) {
        label.push(bytes[++at] as number);
      }
    } else label.push(byte);
  }
  if (label.length > 0) finish();
  return labels;
}

/**
 * A name without compression.
 * @throws DnsNameError
 */
export function nameBytes(name: string): Uint8Array {
  const labels = labelBytes(name);
  const out = new Uint8Array(labels.reduce((sum, label) => sum + label.length + 1, 1));
  let at = 0;
  for (const label of labels) {
    out[at++] = label.length;
    out.set(label, at);
    at += label.length;
  }
  return out;
}

/** Presentation-form labels; an escaped dot does not divide. `a\.b.c.` gives `["a\\.b", "c"]`. */
export function splitName(name: string): string[] {
  if (name === "." || name === "") return [];
  const labels: string[] = [];
  let start = 0;
  for (let at = 0; at < name.length; at++) {
    const code = name.charCodeAt(at);
    if (code === BACKSLASH) at++;
    else if (code === DOT) {
      labels.push(name.slice(start, at));
      start = at + 1;
    }
  }
  if (start < name.length) labels.push(name.slice(start));
  return labels;
}

/** Adds the final dot where it is missing. */
export function fullyQualified(name: string): string {
  return name.endsWith(".") ? name : `${name}.`;
}
