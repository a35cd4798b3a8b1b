import { MsgpackError } from "./msgpack-error.ts";

/**
 * An instant as Go's `time.Time` carries it over the wire: finer than a Date, and with the zone its sender
 * saw, which shows in JSON.
 */
export interface GoTime {
  /** Unix seconds; negative before 1970. */
  readonly seconds: number;
  /** [0, 1e9) */
  readonly nanoseconds: number;
  /** East of Greenwich; undefined for UTC itself, which Go tells from a zone that happens to have offset 0. */
  readonly zoneMinutes: number | undefined;
}

/** Seconds from 0001-01-01, where Go's count starts, to 1970-01-01. */
const UNIX_EPOCH_SECONDS = 62_135_596_800;
const VERSION_1_BYTES = 15;
/** Version 2 has a byte more: seconds of an offset that is no whole minute. */
const VERSION_2_BYTES = 16;
const ZONE_UTC = -1;

/** Go's zero value: January 1 of year 1. Stands for "never" in every struct. */
export const GO_TIME_ZERO: GoTime = { seconds: -UNIX_EPOCH_SECONDS, nanoseconds: 0, zoneMinutes: undefined };

export function isZeroTime(time: GoTime): boolean {
  return time.seconds === -UNIX_EPOCH_SECONDS && time.nanoseconds === 0;
}

/** UTC, from Unix milliseconds (fractions are kept down to the nanosecond). */
export function goTimeOfMs(unixMs: number): GoTime {
  const seconds = Math.floor(unixMs / 1_000);
  const nanoseconds = Math.min(999_999_999, Math.round((unixMs - seconds * 1_000) * 1e6));
  return { seconds, nanoseconds, zoneMinutes: undefined };
}

/** Unix milliseconds, rounded down. */
export function goTimeToMs(time: GoTime): number {
  return time.seconds * 1_000 + Math.floor(time.nanoseconds / 1e6);
}

/** The 15 bytes of Go's `Time.MarshalBinary` (sheet consul-rpc §4). */
export function encodeGoTime(time: GoTime): Uint8Array {
  const bytes = new Uint8Array(VERSION_1_BYTES);
  const view = new DataView(bytes.buffer);
  bytes[0] = 1;
  view.setBigInt64(1, BigInt(time.seconds + UNIX_EPOCH_SECONDS));
  view.setInt32(9, time.nanoseconds);
  view.setInt16(13, time.zoneMinutes ?? ZONE_UTC);
  return bytes;
}

/** @throws MsgpackError for any other form. A version 2 zone loses its seconds. */
export function decodeGoTime(bytes: Uint8Array): GoTime {
  const version = bytes[0];
  const sizeFits =
    (version === 1 && bytes.length === VERSION_1_BYTES) || (version === 2 && bytes.length === VERSION_2_BYTES);
  if (!sizeFits) throw new MsgpackError(`a time of ${bytes.length} bytes and version ${version}`, 0);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const seconds = Number(view.getBigInt64(1)) - UNIX_EPOCH_SECONDS;
  const nanoseconds = view.getInt32(9);
  const zone = view.getInt16(13);
  if (!Number.isSafeInteger(seconds) || nanoseconds < 0 || nanoseconds >= 1e9)
    throw new MsgpackError("a time out of range", 0);
  return { seconds, nanoseconds, zoneMinutes: zone === ZONE_UTC ? undefined : zone };
}

/** RFC 3339 with as many fraction digits as needed: what Go's JSON shows, `0001-01-01T00:00:00Z` for zero. */
export function formatGoTime(time: GoTime): string {
  const zoneMinutes = time.zoneMinutes ?? 0;
  const local = new Date((time.seconds + zoneMinutes * 60) * 1_000);
  const year = String(local.getUTCFullYear()).padStart(4, "0");
  const rest = local.toISOString().slice(-20, -5); // "-MM-DDTHH:MM:SS", whatever the year's length
  const fraction = time.nanoseconds === 0 ? "" : `.${String(time.nanoseconds).padStart(9, "0").replace(/0+$/, "")}`;
  return `${year}${rest}${fraction}${formatZone(zoneMinutes)}`;
}

function formatZone(zoneMinutes: number): string {
  if (zoneMinutes === 0) return "Z";
  const size = Math.abs(zoneMinutes);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${zoneMinutes < 0 ? "-" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

const RFC_3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))$/;

/**
 * Undoes `formatGoTime`, up to a zone that has offset 0 without being UTC.
 *
 * @throws MsgpackError for text that is no RFC 3339 time.
 */
export function parseGoTime(text: string): GoTime {
  const found = RFC_3339.exec(text);
  if (found === null) throw new MsgpackError(`${JSON.stringify(text)} is not a time`, 0);
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map(Number) as [number, ...number[]];
  const local = new Date(0);
  local.setUTCFullYear(year, month! - 1, day!); // Date.UTC would take year 1 for 1901
  const zoneMinutes =
    found[8] === undefined ? undefined : (Number(found[9]) * 60 + Number(found[10])) * signOf(found[8]);
  return {
    seconds: local.getTime() / 1_000 + hour! * 3_600 + minute! * 60 + second! - (zoneMinutes ?? 0) * 60,
    nanoseconds: Number((found[7] ?? "").padEnd(9, "0")),
    zoneMinutes,
  };
}

function signOf(sign: string): number {
  return sign === "-" ? -1 : 1;
}
