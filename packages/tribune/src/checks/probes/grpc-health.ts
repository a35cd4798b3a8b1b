/**
 * The two messages of grpc.health.v1 (a request with one string, an answer with one enum), by hand: a protobuf
 * library would be a thousand times their size.
 */

/** ServingStatus in the order of its numbers. */
const SERVING_STATUS = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"] as const;
export type ServingStatus = (typeof SERVING_STATUS)[number];

/** gRPC status codes as Go prints them. */
export const STATUS_CODE_NAMES: readonly string[] = [
  "OK",
  "Canceled",
  "Unknown",
  "InvalidArgument",
  "DeadlineExceeded",
  "NotFound",
  "AlreadyExists",
  "PermissionDenied",
  "ResourceExhausted",
  "FailedPrecondition",
  "Aborted",
  "OutOfRange",
  "Unimplemented",
  "Internal",
  "Unavailable",
  "DataLoss",
  "Unauthenticated",
];

const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

/** HealthCheckRequest: field 1 is the service; an empty one is left out. */
export function encodeHealthRequest(service: string): Uint8Array {
  const name = Buffer.from(service);
  if (name.length === 0) return new Uint8Array(0);
  return Buffer.concat([Buffer.from([(1 << 3) | LENGTH_DELIMITED, ...varint(name.length)]), name]);
}

/** gRPC's frame: one byte for compression (none), four for the length. */
export function frameMessage(message: Uint8Array): Uint8Array {
  const framed = Buffer.alloc(5 + message.length);
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, 5);
  return framed;
}

/** Reads a framed HealthCheckResponse (field 1 is the status). @returns undefined for anything malformed. */
export function decodeHealthStatus(framed: Uint8Array): ServingStatus | undefined {
  const body = Buffer.from(framed.buffer, framed.byteOffset, framed.byteLength);
  if (body.length < 5 || body[0] !== 0 || body.readUInt32BE(1) !== body.length - 5) return undefined;
  let status = 0;
  for (let at = 5; at < body.length; ) {
    const tag = readVarint(body, at);
    if (tag === undefined) return undefined;
    const value = skipField(body, tag.end, tag.value & 7);
    if (value === undefined) return undefined;
    if (tag.value >>> 3 === 1 && (tag.value & 7) === VARINT) status = readVarint(body, tag.end)!.value;
    at = value;
  }
  return SERVING_STATUS[status];
}

/** @returns the position behind a field's value, or undefined where it is cut off. */
function skipField(body: Buffer, at: number, wireType: number): number | undefined {
  let end: number | undefined;
  if (wireType === VARINT) end = readVarint(body, at)?.end;
  else if (wireType === FIXED64) end = at + 8;
  else if (wireType === FIXED32) end = at + 4;
  else if (wireType === LENGTH_DELIMITED) {
    const length = readVarint(body, at);
    end = length === undefined ? undefined : length.end + length.value;
  }
  return end !== undefined && end <= body.length ? end : undefined;
}

function readVarint(body: Buffer, from: number): { value: number; end: number } | undefined {
  let value = 0;
  for (let at = from; at < body.length && at < from + 10; at++) {
    const byte = body[at]!;
    // Numbers here are small; higher bits than a safe integer holds only come from garbage.
    if (at - from < 7) value += (byte & 0x7f) * 2 ** (7 * (at - from));
    if (byte < 0x80) return { value, end: at + 1 };
  }
  return undefined;
}

function varint(given: number): number[] {
  const bytes: number[] = [];
  let value = given;
  for (; value >= 0x80; value = Math.floor(value / 128)) bytes.push((value % 128) | 0x80);
  bytes.push(value);
  return bytes;
}
