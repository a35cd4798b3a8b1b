/**
 * msgpack as Consul's peers speak it: RPC, gossip, Raft's transport and log, snapshots.
 *
 * Typical use: one long-lived `MsgpackWriter` per sender; a `MsgpackReader` per message; a
 * `MsgpackScanner` in front of it where values arrive on a stream without lengths.
 */
export { writeAny } from "./msgpack-any.ts";
export { MSGPACK_LIMITS, MsgpackError, type MsgpackLimits, MsgpackShortError } from "./msgpack-error.ts";
export { type MsgpackExtension, type MsgpackKind, MsgpackReader, type MsgpackValue } from "./msgpack-reader.ts";
export { MsgpackScanner } from "./msgpack-scanner.ts";
export { MsgpackWriter } from "./msgpack-writer.ts";
