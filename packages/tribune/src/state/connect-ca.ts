/**
 * Root certificates of the mesh. They stand in the table of records that are kept as the bytes they came in
 * (`opaque.ts`): nothing of this version makes them, but what a snapshot brought can be read.
 */
import { CARoot, struct, text } from "@tribune/api";
import { decodeStruct } from "../codec/struct-msgpack.ts";
import { peekIndex } from "./index-table.ts";
import { key, keyPrefix } from "./memdb/key.ts";
import type { ReadTx } from "./memdb/types.ts";
import { MESSAGE } from "./message-types.ts";
import { OPAQUE } from "./opaque.ts";

/** The part of the configuration that names the trust domain. */
const CAConfiguration = struct("CAConfiguration", { ClusterID: text });

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
    clusterId: config === undefined ? "" : decodeStruct(CAConfiguration, config.body).ClusterID,
    roots: roots.map(({ body }) => decodeStruct(CARoot, body)),
  };
}
