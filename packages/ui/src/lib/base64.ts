/** KV values travel as base64 of any bytes. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}

/** The text of the bytes, or undefined where they are no UTF-8. */
export function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined; // not text: the caller shows bytes
  }
}

/** Offset, bytes and letters of each 16 bytes, as `hexdump -C` shows them. */
export function hexDump(bytes: Uint8Array, lengthMax = 4096): string {
  const lines: string[] = [];
  for (let at = 0; at < Math.min(bytes.length, lengthMax); at += 16) {
    const row = [...bytes.subarray(at, Math.min(at + 16, lengthMax))];
    const hex = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const letters = row.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${at.toString(16).padStart(6, "0")}  ${hex.padEnd(47)}  ${letters}`);
  }
  if (bytes.length > lengthMax) lines.push(`… ${bytes.length - lengthMax} more bytes`);
  return lines.join("\n");
}
