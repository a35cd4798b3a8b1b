/**
 * Replies of RPC methods as bytes. What an answer holds is encoded once and kept with the answer; how it came about
 * (QueryMeta) differs from call to call and is put behind it: the order of a map's fields means nothing.
 */
import { queryMeta, type Schema, type Struct } from "@tribune/api";
import { MsgpackWriter } from "../codec/msgpack.ts";
import { codecOf, encodeStruct } from "../codec/struct-msgpack.ts";
import type { Answered } from "./query-engine.ts";

interface Meta {
  readonly knownLeader: boolean;
  readonly lastContactMs: number;
}

const META_NAMES: ReadonlySet<string> = new Set(Object.keys(queryMeta));
/** Among an answer's encoded forms. */
const VARIANT = "rpc";

/** The part of a reply that is not QueryMeta, with the head of a map that has room for both. */
interface Body {
  readonly bytes: Uint8Array;
}

const writer = new MsgpackWriter(4096);
const dataFields = new WeakMap<
  Schema<unknown>,
  readonly { readonly name: string; readonly schema: Schema<unknown> }[]
>();

/**
 * @param keep puts the encoded form beside the answer, where the next caller finds it.
 * @returns pieces of one value.
 */
export function encodeAnswer(
  schema: Struct<unknown>,
  answer: Answered,
  meta: Meta,
  keep: (variant: string, encoded: Body, bytes: number) => void,
): readonly Uint8Array[] {
  const LastContact = Math.round(meta.lastContactMs * 1e6);
  // Wrapped into a byte string as a whole: configuration entries, which are few.
  if (schema.wire !== undefined)
    return [
      encodeStruct(schema, {
        ...(answer.reply as object),
        ...{ Index: answer.index, KnownLeader: meta.knownLeader, LastContact },
      }),
    ];
  let body = answer.shown.get(VARIANT) as Body | undefined;
  if (body === undefined) {
    body = { bytes: encodeData(schema, answer.reply as object as Readonly<Record<string, unknown>>) };
    keep(VARIANT, body, body.bytes.length + 128);
  }
  return [body.bytes, encodeMeta(answer.index, meta.knownLeader, LastContact)];
}

function encodeData(schema: Struct<unknown>, reply: Readonly<Record<string, unknown>>): Uint8Array {
  let fields = dataFields.get(schema);
  if (fields === undefined) {
    fields = schema.fields.filter(({ name }) => !META_NAMES.has(name)).toSorted((a, b) => (a.name < b.name ? -1 : 1));
    dataFields.set(schema, fields);
  }
  writer.reset();
  writer.mapHeader(schema.fields.length);
  for (const { name, schema: of } of fields) codecOf(of).write(writer.text(name), reply[name] as never);
  return Uint8Array.from(writer.view());
}

function encodeMeta(index: number, knownLeader: boolean, lastContactNs: number): Uint8Array {
  writer.reset();
  writer.text("Backend").int(0).text("ConsistencyLevel").text("").text("Index").int(index);
  writer.text("KnownLeader").bool(knownLeader).text("LastContact").int(lastContactNs).text("NotModified").bool(false);
  return Uint8Array.from(writer.view());
}

/** The reply of a write or call: what the state machine answered may have another form where no caller looks at it. */
export function encodeReply(schema: Schema<unknown>, result: unknown): Uint8Array {
  switch (schema.kind) {
    case "bool":
      return encodeStruct(schema, result === true);
    case "text":
      return encodeStruct(schema, typeof result === "string" ? result : "");
    case "struct":
      return encodeStruct(schema, schema.fields?.length === 0 ? {} : result);
    default:
      return encodeStruct(schema, result ?? null);
  }
}
