import type { IncomingHttpHeaders } from "node:http";

/** The header lines of a request, understood. */
export interface HeaderBlock {
  /** Shared by all requests that said the same. */
  readonly headers: IncomingHttpHeaders;
  /** Bytes of the body; 0 without one. */
  readonly contentLength: number;
  /** The client wants the connection closed after the answer. */
  readonly closes: boolean;
}

/** Header lines that are kept understood: a client says the same with each request, but for the length of a body. */
const BLOCKS_MAX = 512;
/** Longer ones are read each time. */
const KEPT_LINES_CHARS_MAX = 2_048;

/** One line, as everybody writes it: a token, a colon, one space or none, a value without spaces around it (RFC 9112 §5). */
const LINE = /([!#$%&'*+.^`|~\w-]+): ?([!-~](?:[\t -~]*[!-~])?)\r\n/y;

/** They change how a message is read or a connection goes on: Node's to understand. */
const NOT_PLAIN: ReadonlySet<string> = new Set([
  "transfer-encoding",
  "trailer",
  "te",
  "expect",
  "upgrade",
  "http2-settings",
  "proxy-connection",
  "__proto__",
]);

/** Reads header lines, and remembers what they said. */
export class HeaderBlocks {
  readonly #kept = new Map<string, HeaderBlock>();

  /**
   * @param text the lines, one character a byte, each with its CRLF.
   * @returns undefined for what is not plain: Node's HTTP decides what it means, or that it is wrong
   */
  of(text: string): HeaderBlock | undefined {
    const known = this.#kept.get(text);
    if (known !== undefined) return known;
    const block = readBlock(text);
    if (block !== undefined && text.length <= KEPT_LINES_CHARS_MAX) {
      if (this.#kept.size >= BLOCKS_MAX) this.#kept.delete(this.#kept.keys().next().value as string);
      // A copy: a part of a string keeps the whole of it, and that holds somebody's body.
      this.#kept.set(Buffer.from(text, "latin1").toString("latin1"), block);
    }
    return block;
  }
}

function readBlock(text: string): HeaderBlock | undefined {
  const headers: Record<string, string> = Object.create(null);
  LINE.lastIndex = 0;
  for (let at = 0; at < text.length; at = LINE.lastIndex) {
    const line = LINE.exec(text);
    if (line === null) return undefined;
    const name = line[1]!.toLowerCase();
    // Whether the first, the last or both count depends on the name: not for us to know.
    if (NOT_PLAIN.has(name) || headers[name] !== undefined) return undefined;
    headers[name] = line[2]!;
  }
  const { host, connection = "keep-alive", "content-length": length = "0" } = headers;
  if (host === undefined || !/^(?:keep-alive|close)$/i.test(connection)) return undefined;
  if (!/^(?:0|[1-9]\d{0,8})$/.test(length)) return undefined;
  return { headers, contentLength: Number(length), closes: connection.length === "close".length };
}
