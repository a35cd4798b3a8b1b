/**
 * The authority of the mesh: its settings, among them the id that the trust domain is named after, and its root
 * certificates. They stand in the table of records that are kept as the bytes they came in (`opaque.ts`): nothing of this
 * version makes certificates, but what a snapshot brought can be read.
 */
import { CAConfiguration, type CARequest, CARoot, struct, text } from "@tribune/api";
import { decodeStruct, encodeStruct } from "../codec/struct-msgpack.ts";
import { TribuneError } from "../lib/errors.ts";
import { bumpIndex, peekIndex } from "./index-table.ts";
import { key, keyPrefix } from "./memdb/key.ts";
import type { ReadTx, WriteTx } from "./memdb/types.ts";
import { MESSAGE } from "./message-types.ts";
import { OPAQUE } from "./opaque.ts";

/** The part of the configuration that names the trust domain. */
const ClusterId = struct("CAConfiguration", { ClusterID: text });

export interface CARoots {
  readonly index: number;
  /** "" while there is no certificate authority. */
  readonly clusterId: string;
  readonly roots: readonly CARoot[];
}

export function caRoots(tx: ReadTx): CARoots {
  const config = tx.get(OPAQUE, key(String(MESSAGE.CONNECT_CA_CONFIG), ""));
  const roots = [...tx.scan(OPAQUE, keyPrefix(String(MESSAGE.CONNECT_CA)))];
  return {
    index: peekIndex(tx, "connect-ca-roots", "connect-ca-config"),
    clusterId: config === undefined ? "" : decodeStruct(ClusterId, config.body).ClusterID,
    roots: roots.map(({ body }) => decodeStruct(CARoot, body)),
  };
}

/** Settings of the authority, as a snapshot brought them; undefined while there is none. */
export function caConfiguration(tx: ReadTx): CAConfiguration | undefined {
  const config = tx.get(OPAQUE, key(String(MESSAGE.CONNECT_CA_CONFIG), ""));
  return config === undefined ? undefined : decodeStruct(CAConfiguration, config.body);
}

/**
 * The host of all SPIFFE ids and the end of every SNI; "" while there is none. Watched.
 */
export function trustDomain(tx: ReadTx): string {
  const config = tx.get(OPAQUE, key(String(MESSAGE.CONNECT_CA_CONFIG), ""));
  const id = config === undefined ? "" : decodeStruct(ClusterId, config.body).ClusterID;
  return id === "" ? "" : `${id}.consul`;
}

/** Only the settings can be changed so far. @returns whether a conditional change was made */
export function applyConnectCa(tx: WriteTx, index: number, { Op, Config }: CARequest): boolean | undefined {
  if (Op !== "set-config" || Config === null)
    throw TribuneError.internal(`connect-ca commands other than set-config are not supported yet: ${Op}`);
  const before = caConfiguration(tx);
  if (Config.ModifyIndex !== 0 && Config.ModifyIndex !== before?.ModifyIndex)
    throw TribuneError.internal("ModifyIndex did not match existing");
  const CreateIndex = before?.CreateIndex ?? index;
  const ClusterID = Config.ClusterID || (before?.ClusterID ?? "");
  const body = encodeStruct(CAConfiguration, { ...Config, ClusterID, CreateIndex, ModifyIndex: index });
  tx.put(OPAQUE, { type: MESSAGE.CONNECT_CA_CONFIG, id: "", session: "", body: new Uint8Array(body) });
  bumpIndex(tx, "connect-ca-config", index);
  return Config.ModifyIndex === 0 ? undefined : true;
}
