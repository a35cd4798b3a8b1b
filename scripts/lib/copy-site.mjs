// Puts the built web interface beside the program, with compressed forms of what becomes smaller.
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const COMPRESSED = /\.(css|html|ico|js|json|map|mjs|svg|txt|webmanifest)$/;
const BYTES_MIN = 1_024;

/**
 * @param from what Vite made; without it there is no interface, and none is left over from before.
 * @param to replaced as a whole.
 */
export function copySite(from, to) {
  rmSync(to, { recursive: true, force: true });
  if (!existsSync(join(from, "index.html"))) return;
  cpSync(from, to, { recursive: true });
  for (const name of readdirSync(to, { recursive: true })) {
    const path = join(to, name);
    // The agent writes into index.html, so it compresses that by itself.
    if (name === "index.html" || !COMPRESSED.test(name) || !statSync(path).isFile()) continue;
    const plain = readFileSync(path);
    if (plain.length < BYTES_MIN) continue;
    const forms = [
      [".gz", gzipSync(plain, { level: 9 })],
      [".br", brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: plain.length } })],
    ];
    for (const [ending, bytes] of forms) if (bytes.length < plain.length) writeFileSync(path + ending, bytes);
  }
}
