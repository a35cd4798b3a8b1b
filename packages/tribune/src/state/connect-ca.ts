/**
 * Root certificates of the mesh. They stand in the table of records that are kept as the bytes they came in
 * (`opaque.ts`): nothing of this version makes them, but what a snapshot brought can be read.
 */
import { CAConfiguration, CARoot, struct, text } from "@tribune/api";
import { decodeStruct } from "../codec/struct-msgpack.ts";
import { peekIndex } from "./index-table.ts";
import { key, keyPrefix } from "./memdb/key.ts";
import type { ReadTx } from "./memdb/types.ts";
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
