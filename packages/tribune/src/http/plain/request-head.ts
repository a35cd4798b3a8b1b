import type { HeaderBlock, HeaderBlocks } from "./header-blocks.ts";
import { escapeRaw } from "./raw-target.ts";

/** The head of a plain request. */
export interface RequestHead {
  readonly method: string;
  /** Path and query as they were sent; bytes above 127 are escaped. */
  readonly url: string;
  readonly block: HeaderBlock;
  /** Its length, with the empty line. */
  readonly bytes: number;
}

/** Longer heads are Node's to read. */
export const HEAD_BYTES_MAX = 8_192;
/** Where most heads end: of what follows them nothing is made text. */
const MOST_HEAD_BYTES = 768;

const METHODS: readonly string[] = ["GET", "PUT", "POST", "DELETE", "HEAD"];
const SPACE = 0x20;
const VERSION = " HTTP/1.1";
/** Everything visible but `#`: a fragment has no place in a request. */
const TARGET = /^\/[!"$-~]*$/;
const RAW_TARGET = /^\/[!"$-~\x80-\xff]*$/;

/**
 * The head that starts at `at`: a method that the API has, a target that starts with a slash, HTTP/1.1, header lines as
 * everybody writes them. It takes less than the grammar allows (RFC 9112 §3), and never more.
 *
 * @returns undefined for everything else, also for a head that is not whole
 */
export function readHead(bytes: Buffer, at: number, bytesMax: number, blocks: HeaderBlocks): RequestHead | undefined {
  const most = Math.min(bytes.length - at, bytesMax);
  let text = bytes.toString("latin1", at, at + Math.min(most, MOST_HEAD_BYTES));
  let end = text.indexOf("\r\n\r\n");
  if (end < 0) {
    if (most <= MOST_HEAD_BYTES) return undefined;
    text = bytes.toString("latin1", at, at + most);
    end = text.indexOf("\r\n\r\n");
    if (end < 0) return undefined;
  }
  const method = METHODS.find((name) => text.startsWith(name) && text.charCodeAt(name.length) === SPACE);
  if (method === undefined) return undefined;
  const lineEnd = text.indexOf("\r\n");
  const urlEnd = lineEnd - VERSION.length;
  if (urlEnd <= method.length || !text.startsWith(VERSION, urlEnd)) return undefined;
  let url = text.slice(method.length + 1, urlEnd);
  if (!TARGET.test(url)) {
    if (!RAW_TARGET.test(url)) return undefined;
    url = escapeRaw(url);
  }
  const block = blocks.of(text.slice(lineEnd + 2, end + 2));
  return block === undefined ? undefined : { method, url, block, bytes: end + 4 };
}
