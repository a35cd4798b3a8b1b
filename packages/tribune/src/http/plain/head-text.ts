import { STATUS_CODES } from "node:http";
import type { Clock } from "../../lib/runtime.ts";

/** The `Date` of answers: made once a second. */
export class DateLine {
  readonly #clock: Clock;
  #second = Number.NaN;
  #line = "";

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `Date: …` and CRLF. The same string until the second is over. */
  now(): string {
    const second = Math.floor(this.#clock.wallMs() / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#line = `Date: ${new Date(second * 1_000).toUTCString()}\r\n`;
    }
    return this.#line;
  }
}

/** A name is a token; no value ends its line early (RFC 9110 §5.5). As Node's own check. */
const FIELD = /^[!#$%&'*+.^`|~\w-]+: [\t\x20-\x7e\x80-\xff]*$/;

/** Lines of a head, of a flat name/value list. @throws TypeError for what would be no header, or more than one */
export function fieldLines(headers: readonly string[]): string {
  let lines = "";
  for (let at = 0; at < headers.length; at += 2) {
    const line = `${headers[at]}: ${headers[at + 1]}`;
    if (!FIELD.test(line)) throw new TypeError(`Invalid character in header ${JSON.stringify(headers[at])}`);
    lines += `${line}\r\n`;
  }
  return lines;
}

export const KEEP_ALIVE = "Connection: keep-alive\r\n";
export const CLOSE = "Connection: close\r\n";
export const CHUNKED = "Transfer-Encoding: chunked\r\n";

/** A whole head, in Node's order. @param control lines that say how the connection goes on and where the body ends. */
export function headText(status: number, fields: string, dateLine: string, control: string): string {
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "unknown"}\r\n${fields}${dateLine}${control}\r\n`;
}
