/** Intentions: who may talk to whom. Views of `service-intentions` entries, one for each source. */
import {
  aliased,
  bool,
  bytes,
  hidden,
  type Infer,
  int,
  list,
  map,
  nullable,
  omitEmpty,
  omitZero,
  struct,
  text,
  time,
} from "../schema.ts";
import { queryMeta, queryOptions, raftIndex } from "./common.ts";
import { IntentionPermission, SourceIntention } from "./config-entry.ts";
import { ServiceName } from "./service.ts";

/** Namespaces are an enterprise feature: there is one, called `default`. */
const ends = { SourceNS: text, SourceName: text, DestinationNS: text, DestinationName: text };

const intention = {
  /** UUID of an intention that was made by the older API; "" for others. */
  ID: omitEmpty(text),
  Description: omitEmpty(text),
  ...ends,
  SourceType: text,
  /** `allow` or `deny`; "" where permissions say more. */
  Action: omitEmpty(text),
  Permissions: omitEmpty(list(nullable(IntentionPermission))),
  Meta: omitEmpty(map(text)),
  /** Larger numbers come first. */
  Precedence: int,
};

export const Intention = struct("Intention", {
  CreatedAt: omitZero(time),
  UpdatedAt: omitZero(time),
  ...intention,
  /** Tells contents of an older intention apart, for Consul's replication. */
  Hash: omitEmpty(bytes),
  ...raftIndex,
});
export type Intention = Infer<typeof Intention>;

/**
 * What may be said of an intention when it is written. Address and port mean nothing; times, hash and indexes, which
 * Consul's client sends back as it got them or as zeros, are not the writer's to say. None of them is kept.
 */
export const IntentionBody = aliased(
  struct("Intention", {
    ...intention,
    DefaultAddr: omitEmpty(text),
    DefaultPort: omitEmpty(int),
    CreatedAt: text,
    UpdatedAt: text,
    Hash: omitEmpty(text),
    ...raftIndex,
  }),
);
export type IntentionBody = Infer<typeof IntentionBody>;

export const IntentionMutation = struct("IntentionMutation", {
  ID: text,
  Destination: ServiceName,
  Source: ServiceName,
  Value: nullable(SourceIntention),
});
export type IntentionMutation = Infer<typeof IntentionMutation>;

/** `Op`: `create`, `update`, `upsert`, `delete`; in the log also `delete-all`. Callers give `Intention`, the log holds `Mutation`. */
export const IntentionRequest = struct("IntentionRequest", {
  Datacenter: text,
  Op: text,
  Intention: nullable(Intention),
  Mutation: nullable(IntentionMutation),
  Token: text,
});
export type IntentionRequest = Infer<typeof IntentionRequest>;

export const IntentionListRequest = struct("IntentionListRequest", {
  Datacenter: text,
  Legacy: hidden(bool),
  ...queryOptions,
});

export const IntentionMatchEntry = struct("IntentionMatchEntry", { Namespace: text, Name: text });

export const IntentionQueryRequest = struct("IntentionQueryRequest", {
  Datacenter: text,
  IntentionID: text,
  Match: nullable(
    /** `Type`: `source` or `destination`. */
    struct("IntentionQueryMatch", { Type: text, Entries: list(IntentionMatchEntry) }),
  ),
  Check: nullable(struct("IntentionQueryCheck", { ...ends, SourceType: text })),
  Exact: nullable(struct("IntentionQueryExact", ends)),
  ...queryOptions,
});
export type IntentionQueryRequest = Infer<typeof IntentionQueryRequest>;

export const IndexedIntentions = struct("IndexedIntentions", {
  Intentions: list(nullable(Intention)),
  /** `config`: they come from configuration entries. */
  DataOrigin: hidden(text),
  ...queryMeta,
});
export type IndexedIntentions = Infer<typeof IndexedIntentions>;

/** In the order of the entries that were asked for. */
export const IndexedIntentionMatches = struct("IndexedIntentionMatches", {
  Matches: list(list(nullable(Intention))),
  ...queryMeta,
});
export type IndexedIntentionMatches = Infer<typeof IndexedIntentionMatches>;

export const IntentionQueryCheckResponse = struct("IntentionQueryCheckResponse", { Allowed: bool });

/** What intentions say of two services, for the topology. */
export const IntentionDecisionSummary = struct("IntentionDecisionSummary", {
  Allowed: bool,
  HasPermissions: bool,
  ExternalSource: text,
  HasExact: bool,
  DefaultAllow: bool,
});
export type IntentionDecisionSummary = Infer<typeof IntentionDecisionSummary>;

/** Facts about the datacenter that are no user's: in which form intentions are kept. */
export const SystemMetadataEntry = struct("SystemMetadataEntry", { Key: text, Value: omitEmpty(text), ...raftIndex });
export type SystemMetadataEntry = Infer<typeof SystemMetadataEntry>;
export const SystemMetadataRequest = struct("SystemMetadataRequest", {
  Datacenter: text,
  /** `upsert` or `delete`. */
  Op: text,
  Entry: nullable(SystemMetadataEntry),
  Token: text,
});
export type SystemMetadataRequest = Infer<typeof SystemMetadataRequest>;
