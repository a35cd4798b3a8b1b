/** The client without what only Node has. */
export {
  type Answer,
  type CallOptions,
  type ContractClient,
  type ContractClientOptions,
  contractClient,
} from "./contract-client.ts";
export { type Client, type ClientSetup, createClient, type Helpers } from "./create-client.ts";
export { type Candidate, choose, type Strategy } from "./discovery/balance.ts";
export {
  Registration,
  type RegistrationOptions,
  type ServiceDefinition,
  type Status,
} from "./discovery/registration.ts";
export { type Endpoint, NoInstancesError, type ResolveOptions, Resolver } from "./discovery/resolver.ts";
export { AnswerError, RequestError, ResponseError } from "./errors.ts";
export { isTransient, wasNotApplied } from "./failures.ts";
export { parseJson, stringifyJson } from "./json-text.ts";
export {
  type Change as KvUpdate,
  ContentionError,
  DELETE,
  Kv,
  textOf,
  type UpdateOptions,
  type WriteOptions,
} from "./kv.ts";
export { Election, type Leader, type Term } from "./locks/election.ts";
export { type Held, LockConflictError } from "./locks/held.ts";
export { type AcquireOptions, type HeldLock, LOCK_FLAGS, Lock, type LockOptions } from "./locks/lock.ts";
export { SEMAPHORE_FLAGS, Semaphore, type SemaphoreOptions } from "./locks/semaphore.ts";
export type { RetryOptions } from "./retry.ts";
export { fetchSend, type Send, type WireRequest, type WireResponse } from "./send.ts";
export type { Surroundings } from "./surroundings.ts";
export { blockingQueries } from "./watch/blocking-queries.ts";
export type { Change, Index, Resume } from "./watch/change.ts";
export { eventStreams } from "./watch/event-streams.ts";
export type { Sight, Subject, TransportContext, WatchFailure, WatchTransport } from "./watch/transport.ts";
export type { WatchOptions } from "./watch/watch.ts";
export {
  type CatalogNodeRow,
  type CheckRow,
  type CheckSelection,
  type KeyChange,
  type KvEntry,
  type NamedService,
  type NodeChange,
  type NodeServiceRow,
  type ServiceInstance,
  type ServiceSelection,
  type UserEventRow,
  Watches,
} from "./watch/watches.ts";
