// Puts the built web interface beside the program, with compressed forms of what becomes smaller.
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { replaceFiles } from "./replace-files.mjs";

const COMPRESSED = /\.(css|html|ico|js|json|map|mjs|svg|txt|webmanifest)$/;
const BYTES_MIN = 1_024;

/**
 * @param from what Vite made; without it there is no interface, and none is left over from before.
 * @param to holds nothing else afterwards.
 */
export function copySite(from, to) {
  if (!existsSync(join(from, "index.html"))) return rmSync(to, { recursive: true, force: true });
  const made = `${to}.${process.pid}`;
  cpSync(from, made, { recursive: true });
  for (const name of readdirSync(made, { recursive: true })) {
    const path = join(made, name);
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
  replaceFiles(made, to, ["index.html"]);
}
