/**
 * Prepared queries: stored questions with a name. They stand in the table of records that are kept as the bytes
 * they came in (`opaque.ts`), so that a template written by a newer server survives here unchanged.
 */
import { PreparedQuery } from "@tribune/api";
import { decodeStruct, encodeStruct } from "../codec/struct-msgpack.ts";
import { TribuneError } from "../lib/errors.ts";
import { goQuote } from "../lib/go-quote.ts";
import type { Steps } from "../lib/steps.ts";
import { bumpIndex, peekIndex } from "./index-table.ts";
import { key, keyPrefix } from "./memdb/key.ts";
import type { ReadTx, WriteTx } from "./memdb/types.ts";
import { MESSAGE } from "./message-types.ts";
import { type Indexed, OPAQUE, type OpaqueRecord, restoreOpaque } from "./opaque.ts";
import { compileTemplate, type Render } from "./query-template.ts";
import { sessionGet } from "./session.ts";
import { sessionKey } from "./session-table.ts";

const TABLE = "prepared-queries";
const TYPE = String(MESSAGE.PREPARED_QUERY);
/** Those that were not asked for before take some microseconds each. */
const DECODED_A_STEP = 128;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

interface Decoded {
  readonly query: PreparedQuery;
  /** Of a template, once it was asked for. */
  render: Render | undefined;
}

/** Rows are never changed, so each is decoded once however often it is read. */
const decoded = new WeakMap<OpaqueRecord, Decoded>();

function decodedOf(record: OpaqueRecord): Decoded {
  let found = decoded.get(record);
  if (found === undefined) {
    found = { query: decodeStruct(PreparedQuery, record.body), render: undefined };
    decoded.set(record, found);
  }
  return found;
}

const decode = (record: OpaqueRecord): PreparedQuery => decodedOf(record).query;

export function* preparedQueryListSteps(
  tx: ReadTx,
): Steps<{ readonly index: number; readonly queries: PreparedQuery[] }> {
  const index = peekIndex(tx, TABLE);
  const queries: PreparedQuery[] = [];
  for (const record of tx.scan(OPAQUE, keyPrefix(TYPE))) {
    queries.push(decode(record));
    if (queries.length % DECODED_A_STEP === 0) yield;
  }
  return { index, queries };
}

export function preparedQueryGet(
  tx: ReadTx,
  id: string,
): { readonly index: number; readonly query: PreparedQuery | undefined } {
  const record = tx.get(OPAQUE, key(TYPE, id.toLowerCase()));
  const query = record === undefined ? undefined : decode(record);
  return { index: query?.ModifyIndex ?? peekIndex(tx, TABLE), query };
}

/**
 * The query to execute: by id, by name, or what the template with the longest matching name makes of it. Names do not
 * look at case.
 *
 * @throws TribuneError for a template that is asked for by its id, or whose texts cannot be worked out.
 */
export function preparedQueryResolve(tx: ReadTx, nameOrId: string): PreparedQuery | undefined {
  if (nameOrId === "") return undefined;
  if (UUID.test(nameOrId)) {
    const { query } = preparedQueryGet(tx, nameOrId);
    if (query !== undefined && query.Template.Type !== "")
      throw TribuneError.internal("prepared query templates can only be resolved up by name, not by ID");
    if (query !== undefined) return query;
  }
  const record = recordNamed(tx, nameOrId) ?? templateFor(tx, nameOrId);
  if (record === undefined) return undefined;
  const found = decodedOf(record);
  if (found.query.Template.Type === "") return found.query;
  found.render ??= compileTemplate(found.query);
  return found.render(nameOrId);
}

function recordNamed(tx: ReadTx, name: string): OpaqueRecord | undefined {
  for (const record of tx.by(OPAQUE, "name", keyPrefix(name.toLowerCase()))) return record;
  return undefined;
}

/** There are few templates, so they are looked at one by one. */
function templateFor(tx: ReadTx, name: string): OpaqueRecord | undefined {
  const wanted = name.toLowerCase();
  let longest: OpaqueRecord | undefined;
  for (const record of tx.by(OPAQUE, "template", "")) {
    const { template = "" } = record;
    if (wanted.startsWith(template) && template.length >= (longest?.template ?? "").length) longest = record;
  }
  return longest;
}

function indexedBy({ Name, Template }: PreparedQuery): Indexed {
  const name = Name.toLowerCase();
  return { ...(name === "" ? {} : { name }), ...(Template.Type === "" ? {} : { template: name }) };
}

/** Takes a snapshot's record. */
export function restorePreparedQuery(tx: WriteTx, body: Uint8Array): void {
  restoreOpaque(tx, MESSAGE.PREPARED_QUERY, body, indexedBy(decodeStruct(PreparedQuery, body)));
}

/** @throws TribuneError with Consul's text for a name, template or session that cannot be. */
export function preparedQuerySet(tx: WriteTx, index: number, given: PreparedQuery): void {
  const { Session, Template } = given;
  const id = given.ID.toLowerCase();
  if (Template.Type !== "") {
    try {
      compileTemplate(given);
    } catch (error) {
      if (error instanceof TribuneError) throw TribuneError.internal(`failed compiling template: ${error.message}`);
      throw error;
    }
  }
  const existing = preparedQueryGet(tx, id).query;
  refuseTakenName(tx, id, given);
  if (Session !== "") {
    sessionKey(Session, "invalid session");
    if (sessionGet(tx, Session).session === undefined)
      throw TribuneError.internal(`invalid session ${goQuote(Session)}`);
  }
  const query: PreparedQuery = { ...given, CreateIndex: existing?.CreateIndex ?? index, ModifyIndex: index };
  const body = new Uint8Array(encodeStruct(PreparedQuery, query));
  tx.put(OPAQUE, { type: MESSAGE.PREPARED_QUERY, id, session: Session, body, ...indexedBy(query) });
  bumpIndex(tx, TABLE, index);
}

function refuseTakenName(tx: ReadTx, id: string, { Name, Template }: PreparedQuery): void {
  const isAnother = (record: OpaqueRecord | undefined) => record !== undefined && record.id !== id;
  if (Name !== "" && isAnother(recordNamed(tx, Name)))
    throw TribuneError.internal(`name '${Name}' aliases an existing query name`);
  if (Name === "" && Template.Type !== "") {
    for (const record of tx.by(OPAQUE, "template", keyPrefix("")))
      if (isAnother(record)) throw TribuneError.internal("a query template with an empty name already exists");
  }
  if (UUID.test(Name) && preparedQueryGet(tx, Name).query !== undefined)
    throw TribuneError.internal(`name '${Name}' aliases an existing query ID`);
}

export function preparedQueryDelete(tx: WriteTx, index: number, id: string): void {
  if (tx.delete(OPAQUE, key(TYPE, id.toLowerCase())) !== undefined) bumpIndex(tx, TABLE, index);
}
