/**
 * A request's target is ASCII (RFC 3986 §2), yet many clients send the bytes of a name as they are: `curl …/v1/kv/ü`. Go
 * takes such bytes for what their percent escapes say; Node's HTTP refuses them. So they become escapes before anybody
 * reads the target, and those who look a target up find one form of it.
 */
const RAW = /[\x80-\xff]/g;

/** @param target one character a byte */
export function escapeRaw(target: string): string {
  return target.replace(RAW, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`);
}

const LINE_FEED = 0x0a;
/** Of any method and form that Node might take; empty lines before it do not count (RFC 9112 §2.2). */
const REQUEST_LINE = /^((?:\r?\n)*[A-Z-]+ )([!-~\x80-\xff]+)( HTTP\/\d\.\d\r?\n)$/;

/**
 * The same bytes, with a target of ASCII in their first line.
 *
 * @returns undefined where nothing has to change, or it is no request line
 */
export function withEscapedTarget(bytes: Buffer): Buffer | undefined {
  let start = 0;
  while (bytes[start] === LINE_FEED || bytes[start] === 0x0d) start++;
  const end = bytes.indexOf(LINE_FEED, start) + 1;
  const [, before, target, after] = REQUEST_LINE.exec(bytes.toString("latin1", 0, end)) ?? [];
  if (target === undefined) return undefined;
  const escaped = escapeRaw(target);
  if (escaped === target) return undefined;
  return Buffer.concat([Buffer.from(before + escaped + after, "latin1"), bytes.subarray(end)]);
}

const BEGUN_LINE = /^[A-Z]{1,8}(?: [!-~\x80-\xff]*(?: [HTP/\d.]{0,8}\r?)?)?$/;

/** Whether these bytes, all that there is, may be the beginning of a request line. */
export function isBegunLine(bytes: Buffer): boolean {
  return bytes.indexOf(LINE_FEED) < 0 && BEGUN_LINE.test(bytes.toString("latin1"));
}
