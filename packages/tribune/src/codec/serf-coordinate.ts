/** The sender's Vivaldi coordinate in the payload of an ack (sheet serf §6). */
import { arrayOf, encodeTyped, float, gossipReader, readingGossip, struct } from "./gossip-struct.ts";

/** All in seconds. */
export interface Coordinate {
  /** 8 dimensions with every known peer; another number is for the reader to refuse. */
  readonly vec: readonly number[];
  readonly error: number;
  readonly adjustment: number;
  readonly height: number;
}

const PING_VERSION = 1;
const DIMENSIONS_MAX = 64;

const coordinate = struct<Coordinate>({
  vec: ["Vec", arrayOf(float, DIMENSIONS_MAX, "nil")],
  error: ["Error", float],
  adjustment: ["Adjustment", float],
  height: ["Height", float],
});

export function encodeCoordinate(value: Coordinate): Uint8Array {
  return encodeTyped(PING_VERSION, coordinate, value);
}

/**
 * Numbers may be anything a float can be: whoever uses them checks.
 * @returns undefined for no payload, or one of another version.
 * @throws GossipCodecError
 */
export function decodeCoordinate(payload: Uint8Array): Coordinate | undefined {
  if (payload[0] !== PING_VERSION) return undefined;
  return readingGossip("coordinate", () => coordinate.read(gossipReader(payload, 1)));
}
