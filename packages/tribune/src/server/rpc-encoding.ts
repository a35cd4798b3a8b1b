/**
 * Replies of RPC methods as bytes. What an answer holds is encoded once and kept with the answer; how it came about
 * (QueryMeta) differs from call to call and is put behind it: the order of a map's fields means nothing.
 */
import { queryMeta, type Schema, type Struct } from "@tribune/api";
import { MsgpackWriter } from "../codec/msgpack.ts";
import { codecOf, encodeStruct } from "../codec/struct-msgpack.ts";
import { isLong, SteppedWriter } from "../codec/struct-steps.ts";
import type { Steps } from "../lib/steps.ts";
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
  readonly pieces: readonly Uint8Array[];
}

type Keep = (variant: string, encoded: Body, bytes: number) => void;

const writer = new MsgpackWriter(4096);
type Fields = Readonly<Record<string, unknown>>;
type NamedSchema = { readonly name: string; readonly schema: Schema<unknown> };
const dataFields = new WeakMap<Schema<unknown>, readonly NamedSchema[]>();

/**
 * @param keep puts the encoded form beside the answer, where the next caller finds it.
 * @returns pieces of one value; steps where there are thousands of rows that are not encoded yet.
 */
export function encodeAnswer(
  schema: Struct<unknown>,
  answer: Answered,
  meta: Meta,
  keep: Keep,
): readonly Uint8Array[] | Steps<readonly Uint8Array[]> {
  const LastContact = Math.round(meta.lastContactMs * 1e6);
  // Configuration entries are wrapped into a byte string as a whole, with what differs from call to call.
  if (schema.wire !== undefined) {
    const { knownLeader } = meta;
    const reply = { ...(answer.reply as object), Index: answer.index, KnownLeader: knownLeader, LastContact };
    return isLong(schema, reply) ? inPieces(schema, reply) : [encodeStruct(schema, reply)];
  }
  const withMeta = ({ pieces }: Body): readonly Uint8Array[] => [
    ...pieces,
    encodeMeta(answer.index, meta.knownLeader, LastContact),
  ];
  const kept = answer.shown.get(VARIANT) as Body | undefined;
  if (kept !== undefined) return withMeta(kept);
  const reply = answer.reply as object as Fields;
  if (isLong(schema, reply))
    return (function* () {
      return withMeta(yield* encodeLong(schema, reply, keep));
    })();
  const body = { pieces: [encodeData(schema, reply)] };
  keep(VARIANT, body, body.pieces[0]!.length + 128);
  return withMeta(body);
}

/** Callers who ask for one answer while it is being encoded each encode it: they are few, and none waits for another. */
function* encodeLong(schema: Struct<unknown>, reply: Fields, keep: Keep): Steps<Body> {
  const stepped = new SteppedWriter();
  stepped.mapHeader(schema.fields.length);
  yield* stepped.fields(dataFieldsOf(schema), reply);
  const body = { pieces: stepped.take() };
  keep(
    VARIANT,
    body,
    body.pieces.reduce((sum, { length }) => sum + length, 128),
  );
  return body;
}

function dataFieldsOf(schema: Struct<unknown>): readonly NamedSchema[] {
  let fields = dataFields.get(schema);
  if (fields === undefined) {
    fields = schema.fields.filter(({ name }) => !META_NAMES.has(name)).toSorted((a, b) => (a.name < b.name ? -1 : 1));
    dataFields.set(schema, fields);
  }
  return fields;
}

function encodeData(schema: Struct<unknown>, reply: Fields): Uint8Array {
  writer.reset();
  writer.mapHeader(schema.fields.length);
  for (const { name, schema: of } of dataFieldsOf(schema)) codecOf(of).write(writer.text(name), reply[name] as never);
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

/** The same in pieces; steps where there are thousands of rows. */
export function encodeReplyPieces(
  schema: Schema<unknown>,
  result: unknown,
): readonly Uint8Array[] | Steps<readonly Uint8Array[]> {
  return isLong(schema, result) ? inPieces(schema, result) : [encodeReply(schema, result)];
}

function* inPieces(schema: Schema<unknown>, value: unknown): Steps<readonly Uint8Array[]> {
  const stepped = new SteppedWriter();
  yield* stepped.value(schema, value);
  return stepped.take();
}
