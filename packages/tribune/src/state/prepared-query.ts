/**
 * Prepared queries: stored questions with a name. They stand in the table of records that are kept as the bytes
 * they came in (`opaque.ts`), so that a template written by a newer server survives here unchanged.
 */
import { PreparedQuery } from "@tribune/api";
import { decodeStruct, encodeStruct } from "../codec/struct-msgpack.ts";
import { TribuneError } from "../lib/errors.ts";
import { goQuote } from "../lib/go-quote.ts";
import { bumpIndex, peekIndex } from "./index-table.ts";
import { key, keyPrefix } from "./memdb/key.ts";
import type { ReadTx, WriteTx } from "./memdb/types.ts";
import { MESSAGE } from "./message-types.ts";
import { OPAQUE, type OpaqueRecord } from "./opaque.ts";
import { sessionGet } from "./session.ts";

const TABLE = "prepared-queries";
const TYPE = String(MESSAGE.PREPARED_QUERY);
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

const decode = (record: OpaqueRecord): PreparedQuery => decodeStruct(PreparedQuery, record.body);

export function preparedQueryList(tx: ReadTx): { readonly index: number; readonly queries: PreparedQuery[] } {
  return { index: peekIndex(tx, TABLE), queries: [...tx.scan(OPAQUE, keyPrefix(TYPE))].map(decode) };
}

export function preparedQueryGet(
  tx: ReadTx,
  id: string,
): { readonly index: number; readonly query: PreparedQuery | undefined } {
  const record = tx.get(OPAQUE, key(TYPE, id.toLowerCase()));
  const query = record === undefined ? undefined : decode(record);
  return { index: query?.ModifyIndex ?? peekIndex(tx, TABLE), query };
}

/** By id or by name; names do not look at case. */
export function preparedQueryFind(tx: ReadTx, nameOrId: string): PreparedQuery | undefined {
  if (UUID.test(nameOrId)) return preparedQueryGet(tx, nameOrId).query;
  const wanted = nameOrId.toLowerCase();
  return preparedQueryList(tx).queries.find((query) => query.Name !== "" && query.Name.toLowerCase() === wanted);
}

/** @throws TribuneError with Consul's text for a name or session that cannot be. */
export function preparedQuerySet(tx: WriteTx, index: number, given: PreparedQuery): void {
  const { Name, Session } = given;
  const id = given.ID.toLowerCase();
  const existing = preparedQueryGet(tx, id).query;
  if (Name !== "") {
    const other = preparedQueryFind(tx, Name);
    if (other !== undefined && other.ID.toLowerCase() !== id)
      throw TribuneError.internal(`name '${Name}' aliases an existing query ${UUID.test(Name) ? "ID" : "name"}`);
  }
  if (Session !== "" && sessionGet(tx, Session).session === undefined)
    throw TribuneError.internal(`invalid session ${goQuote(Session)}`);
  const query: PreparedQuery = { ...given, CreateIndex: existing?.CreateIndex ?? index, ModifyIndex: index };
  const body = new Uint8Array(encodeStruct(PreparedQuery, query));
  tx.put(OPAQUE, { type: MESSAGE.PREPARED_QUERY, id, session: Session, body });
  bumpIndex(tx, TABLE, index);
}

export function preparedQueryDelete(tx: WriteTx, index: number, id: string): void {
  if (tx.delete(OPAQUE, key(TYPE, id.toLowerCase())) !== undefined) bumpIndex(tx, TABLE, index);
}
