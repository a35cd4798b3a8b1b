/**
 * Records that are kept as the bytes they came in, under the keys and in the order that Consul keeps them; they leave
 * with the next snapshot unchanged. Of most the meaning is not built yet: ACLs, the certificate authority, federation
 * states. `prepared-query.ts`, `config-entry.ts` and `system-metadata.ts` read theirs.
 */

import { MsgpackReader, type MsgpackValue } from "../codec/msgpack.ts";
import { TribuneError } from "../lib/errors.ts";
import { bumpIndex } from "./index-table.ts";
import { sessionDigits } from "./kv-entry.ts";
import { key, keyPrefix } from "./memdb/key.ts";
import type { ReadTx, TableSchema, WriteTx } from "./memdb/types.ts";
import { MESSAGE } from "./message-types.ts";

export interface OpaqueRecord {
  /** Record type in snapshots. */
  readonly type: number;
  /** What Consul's table is keyed by: an id, a name, `kind\0name`. */
  readonly id: string;
  /** Session that the record goes with; "" for none. Only prepared queries have one. */
  readonly session: string;
  /** The msgpack value as it came. */
  readonly body: Uint8Array;
  /** A prepared query's name in lower case, if it has one. */
  readonly name?: string;
  /** A query template's name in lower case, which may be empty. */
  readonly template?: string;
  /** Services a configuration entry sends traffic to, in lower case. */
  readonly links?: readonly string[];
  /** Services that intentions of an entry are about as sources. */
  readonly sources?: readonly string[];
  /** Ids of its intentions that were made by the older interface. */
  readonly legacyIds?: readonly string[];
}

/** What those who know a record's meaning find it by. */
export type Indexed = Pick<OpaqueRecord, "name" | "template" | "links" | "sources" | "legacyIds">;

export const OPAQUE: TableSchema<OpaqueRecord> = {
  name: "opaque",
  key: (record) => opaqueKey(record.type, record.id),
  indexes: {
    session: (record) => (record.session === "" ? undefined : sessionDigits(record.session)),
    name: (record) => record.name,
    template: (record) => record.template,
    link: (record) => record.links,
    source: (record) => record.sources,
    legacyId: (record) => record.legacyIds,
  },
};

function opaqueKey(type: number, id: string): string {
  return key(String(type), id);
}

type Id = (value: MsgpackValue) => string;

const byField =
  (name: string): Id =>
  (value) =>
    textField(value, name);
const byUuid =
  (name: string): Id =>
  (value) =>
    textField(value, name).toLowerCase();

/** Types that are kept this way, with what identifies a record. */
const ID_OF: ReadonlyMap<number, Id> = new Map<number, Id>([
  [MESSAGE.ACL_TOKEN_SET, byField("SecretID")],
  [MESSAGE.ACL_POLICY_SET, byUuid("ID")],
  [MESSAGE.ACL_ROLE_SET, byUuid("ID")],
  [MESSAGE.ACL_BINDING_RULE_SET, byUuid("ID")],
  [MESSAGE.ACL_AUTH_METHOD_SET, byField("Name")],
  [MESSAGE.ACL_LEGACY, byField("ID")],
  [MESSAGE.PREPARED_QUERY, byUuid("ID")],
  [MESSAGE.INTENTION, byUuid("ID")],
  [MESSAGE.CONNECT_CA, byField("ID")],
  [MESSAGE.CONNECT_CA_PROVIDER_STATE, byField("ID")],
  [MESSAGE.CONNECT_CA_CONFIG, () => ""],
  [MESSAGE.CONFIG_ENTRY, configEntryId],
  [MESSAGE.FEDERATION_STATE, (value) => textField(field(value, "State"), "Datacenter")],
  [MESSAGE.SYSTEM_METADATA, byField("Key")],
]);

/** Takes a snapshot's record. @throws TribuneError when it has not what it must be kept by. */
export function restoreOpaque(tx: WriteTx, type: number, body: Uint8Array, indexed: Indexed = {}): void {
  const idOf = ID_OF.get(type);
  if (idOf === undefined) throw TribuneError.internal(`Unrecognized msg type ${type}`);
  const value = decodeOpaque(type, body);
  const session = type === MESSAGE.PREPARED_QUERY ? textField(value, "Session") : "";
  tx.put(OPAQUE, { type, id: idOf(value), session, body: new Uint8Array(body), ...indexed });
}

/** Records of one type in the order in which Consul saves them. */
export function opaqueRecords(tx: ReadTx, type: number): Iterable<OpaqueRecord> {
  return tx.peekScan(OPAQUE, keyPrefix(String(type)));
}

/**
 * A record's value. Config entries, which Consul wraps in byte strings (sheet consul-rpc §4), come as
 * `{Kind, Request}`, the request's `Entry` unwrapped as well.
 */
export function decodeOpaque(type: number, body: Uint8Array): MsgpackValue {
  const reader = new MsgpackReader(body);
  if (type !== MESSAGE.CONFIG_ENTRY) return reader.any("either");
  const wrapped = new MsgpackReader(reader.bytesView());
  const Kind = wrapped.text();
  const request = wrapped.any("either");
  const entry = field(request, "Entry");
  // Bytes that happen to be UTF-8 come as text.
  const inner = typeof entry === "string" ? Buffer.from(entry) : entry;
  const Entry = inner instanceof Uint8Array ? new MsgpackReader(inner).any("either") : inner;
  return { Kind, Request: { ...(request as Record<string, MsgpackValue>), Entry } };
}

function configEntryId(value: MsgpackValue): string {
  const kind = textField(value, "Kind");
  const entry = field(field(value, "Request"), "Entry");
  // The mesh entry is the one that has no name on the wire.
  return key(kind, typeof field(entry, "Name") === "string" ? textField(entry, "Name") : kind).toLowerCase();
}

function field(value: MsgpackValue, name: string): MsgpackValue {
  const isMap = typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
  return isMap ? ((value as Record<string, MsgpackValue>)[name] ?? null) : null;
}

function textField(value: MsgpackValue, name: string): string {
  const text = field(value, name);
  if (typeof text !== "string") throw TribuneError.internal(`a snapshot's record has no ${name}`);
  return text;
}

/** Prepared queries that were made to last as long as a session go with it. */
export function deleteQueriesOfSession(tx: WriteTx, index: number, session: string): void {
  for (const query of tx.peekBy(OPAQUE, "session", `${sessionDigits(session)}\0`)) {
    tx.delete(OPAQUE, OPAQUE.key(query));
    bumpIndex(tx, "prepared-queries", index);
  }
}
