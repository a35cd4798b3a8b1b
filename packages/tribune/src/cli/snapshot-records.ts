/** A snapshot's records as lines of JSON, one each: `{"Data": …, "Type": "KVS"}`. */
import {
  AutopilotConfig,
  ConfigEntryRequest,
  DirEntry,
  PreparedQuery,
  RegisterRequest,
  type Schema,
  Session,
  SystemMetadataEntry,
  toJson,
} from "@tribune/api";
import { MsgpackReader } from "../codec/msgpack.ts";
import { decodeStruct } from "../codec/struct-msgpack.ts";
import { stringifyGo } from "../lib/go-json.ts";

/** Kinds whose form is known. On this wire text and bytes look alike, so in all others bytes are told by what is in them. */
const SHAPES: Readonly<Record<string, Schema<unknown>>> = {
  Register: RegisterRequest,
  KVS: DirEntry,
  Tombstone: DirEntry,
  Session,
  PreparedQuery,
  Autopilot: AutopilotConfig,
  ConfigEntry: ConfigEntryRequest,
  SystemMetadata: SystemMetadataEntry,
};

/** The line of meta.json. */
export const headerLine = (meta: unknown): string => line("SnapshotHeader", meta);

/** @param value the record behind its kind @throws Error in Consul's words */
export function recordLine(type: string, value: Uint8Array): string {
  const shape = SHAPES[type];
  try {
    if (shape !== undefined) return line(type, toJson(shape, decodeStruct(shape, value)));
    return line(type, plain(new MsgpackReader(value).any("either")));
  } catch (error) {
    throw new Error(`failed to decode msg type ${type}, error ${(error as Error).message}`, { cause: error });
  }
}

const line = (Type: string, Data: unknown): string => stringifyGo({ Data, Type }).trimEnd();

/** Bytes as base64, as Go's JSON has them. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item)]));
}
