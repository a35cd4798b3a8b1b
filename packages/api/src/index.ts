/** Contracts and wire structs shared by the server, the client and the documentation. */

export * from "./contract.ts";
export * from "./contracts/catalog.ts";
export * from "./contracts/coordinate.ts";
export * from "./contracts/event.ts";
export * from "./contracts/health.ts";
export * from "./contracts/kv.ts";
export * from "./contracts/operator.ts";
export * from "./contracts/prepared-query.ts";
export * from "./contracts/session.ts";
export * from "./contracts/snapshot.ts";
export * from "./contracts/status.ts";
export * from "./contracts/txn.ts";
export * from "./duration.ts";
export * from "./json.ts";
export * from "./schema.ts";
export * from "./structs/catalog.ts";
export * from "./structs/check.ts";
export * from "./structs/common.ts";
export * from "./structs/coordinate.ts";
export * from "./structs/event.ts";
export * from "./structs/kv.ts";
export * from "./structs/operator.ts";
export * from "./structs/prepared-query.ts";
export * from "./structs/service.ts";
export * from "./structs/session.ts";
export * from "./structs/txn.ts";
