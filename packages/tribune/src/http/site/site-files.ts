import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { extname, join, sep } from "node:path";

/** One file of the site, in the forms it can be sent in. */
export interface SiteFile {
  readonly contentType: string;
  readonly etag: string;
  readonly plain: Buffer;
  readonly gzip: Buffer | undefined;
  readonly brotli: Buffer | undefined;
}

export interface SiteFiles {
  /** @param path relative, with slashes, decoded. Undefined where there is no such file. */
  get(path: string): SiteFile | undefined | Promise<SiteFile | undefined>;
}

/** One file of `ui_config.dir`: it is read into memory to be sent. */
const OWN_FILE_BYTES_MAX = 32 << 20;

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".jpg": "image/jpeg",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".map": "application/json",
  ".mjs": "text/javascript; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
  ".woff": "font/woff",
  ".woff2": "font/woff2",
};

export const contentTypeOf = (path: string): string => TYPES[extname(path).toLowerCase()] ?? "application/octet-stream";

export const etagOf = (bytes: Uint8Array): string =>
  `"${createHash("sha1").update(bytes).digest("base64url").slice(0, 16)}"`;

/** The site that comes with the program: it does not change, so all of it is read once. @returns undefined without one */
export async function builtInFiles(directory: string): Promise<SiteFiles | undefined> {
  const names = await readdir(directory, { recursive: true }).catch(() => []);
  const contents = new Map<string, Buffer>();
  for (const name of names) {
    const path = join(directory, name);
    if ((await stat(path)).isFile()) contents.set(name.split(sep).join("/"), await readFile(path));
  }
  if (!contents.has("index.html")) return undefined;
  const files = new Map<string, SiteFile>();
  for (const [name, plain] of contents) {
    const original = name.replace(/\.(gz|br)$/, "");
    if (original !== name && contents.has(original)) continue; // a form of another file
    const forms = { plain, gzip: contents.get(`${name}.gz`), brotli: contents.get(`${name}.br`) };
    files.set(name, { contentType: contentTypeOf(name), etag: etagOf(plain), ...forms });
  }
  return files;
}

/** Files that an operator serves instead (`ui_config.dir`): read anew each time, for they may change. */
export function ownFiles(directory: string): SiteFiles {
  return {
    async get(path) {
      if (path.split("/").includes("..") || /[\0\\]/.test(path)) return undefined;
      try {
        const file = join(directory, path);
        const info = await stat(file);
        if (!info.isFile() || info.size > OWN_FILE_BYTES_MAX) return undefined;
        const plain = await readFile(file);
        return { contentType: contentTypeOf(path), etag: etagOf(plain), plain, gzip: undefined, brotli: undefined };
      } catch {
        return undefined; // whatever is in the way, it cannot be served
      }
    },
  };
}
