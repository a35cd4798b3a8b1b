import {
  bool,
  fromJson,
  HealthCheck,
  type Infer,
  int,
  JsonShapeError,
  list,
  NodeService,
  nullable,
  omitEmpty,
  struct,
  text,
  toJson,
} from "@tribune/api";
import { CheckType } from "../../../checks/check-type.ts";

/**
 * What survives a restart, in the shapes that Consul writes to `services/`, `checks/` and `checks/state/` of its
 * data directory: the journal and the takeover of such a directory read the same records.
 */
export const PersistedService = struct("persistedService", {
  Token: text,
  Service: NodeService,
  /** `local` or `remote`. */
  Source: text,
  /** Beside the service, whose own field of this name never shows in JSON. */
  LocallyRegisteredAsSidecar: omitEmpty(bool),
});
export type PersistedService = Infer<typeof PersistedService>;

export const PersistedCheck = struct("persistedCheck", {
  Check: HealthCheck,
  /** Null for a check that nothing runs. */
  ChkType: nullable(CheckType),
  Token: text,
  Source: text,
});
export type PersistedCheck = Infer<typeof PersistedCheck>;

/** The last word of a TTL check. */
export const PersistedCheckState = struct("persistedCheckState", {
  CheckID: text,
  Output: text,
  Status: text,
  /** Unix seconds from which on the status counts no more. */
  Expires: int,
});
export type PersistedCheckState = Infer<typeof PersistedCheckState>;

/** Several changes make up one record of the journal, which is kept or lost as a whole. */
export type Change =
  | { readonly kind: "service"; readonly value: PersistedService }
  | { readonly kind: "check"; readonly value: PersistedCheck }
  | { readonly kind: "checkState"; readonly value: PersistedCheckState }
  | { readonly kind: "serviceGone"; readonly id: string }
  /** The check, and what its TTL last said. */
  | { readonly kind: "checkGone"; readonly id: string };

/** Names which of the fields is set; one record is a list of these. */
const ChangeRecord = struct("change", {
  Service: omitEmpty(nullable(PersistedService)),
  Check: omitEmpty(nullable(PersistedCheck)),
  CheckState: omitEmpty(nullable(PersistedCheckState)),
  ServiceGone: omitEmpty(text),
  CheckGone: omitEmpty(text),
});
type ChangeRecord = Infer<typeof ChangeRecord>;
const ChangeRecords = list(ChangeRecord);

export function encodeChanges(changes: readonly Change[]): Uint8Array {
  return Buffer.from(JSON.stringify(toJson(ChangeRecords, changes.map(toRecord))));
}

/** @throws JsonShapeError or SyntaxError, neither of which a record with a good checksum causes. */
export function decodeChanges(payload: Uint8Array): Change[] {
  const records = fromJson(ChangeRecords, JSON.parse(Buffer.from(payload).toString())) ?? [];
  return records.map(toChange);
}

function toRecord(change: Change): ChangeRecord {
  const record = { Service: null, Check: null, CheckState: null, ServiceGone: "", CheckGone: "" };
  switch (change.kind) {
    case "service":
      return { ...record, Service: change.value };
    case "check":
      return { ...record, Check: change.value };
    case "checkState":
      return { ...record, CheckState: change.value };
    case "serviceGone":
      return { ...record, ServiceGone: change.id };
    case "checkGone":
      return { ...record, CheckGone: change.id };
  }
}

function toChange(record: ChangeRecord): Change {
  if (record.Service !== null) return serviceChange(record.Service);
  if (record.Check !== null) return { kind: "check", value: record.Check };
  if (record.CheckState !== null) return { kind: "checkState", value: record.CheckState };
  if (record.ServiceGone !== "") return { kind: "serviceGone", id: record.ServiceGone };
  return { kind: "checkGone", id: record.CheckGone };
}

function serviceChange(value: PersistedService): Change {
  const { LocallyRegisteredAsSidecar } = value;
  return { kind: "service", value: { ...value, Service: { ...value.Service, LocallyRegisteredAsSidecar } } };
}

/** Reads one of Consul's files. @throws JsonShapeError where it is something else. */
export function readConsulFile(kind: "service" | "check" | "checkState", json: unknown): Change {
  switch (kind) {
    case "service": {
      const value = fromJson(PersistedService, json);
      // Before version 0.5.1 the file held the bare service.
      const found = value.Service.ID === "" ? { ...value, Service: fromJson(NodeService, json) } : value;
      if (found.Service.ID === "") throw new JsonShapeError("no service ID");
      return serviceChange(found);
    }
    case "check": {
      const value = fromJson(PersistedCheck, json);
      if (value.Check.CheckID === "") throw new JsonShapeError("no check ID");
      return { kind, value };
    }
    case "checkState":
      return { kind, value: fromJson(PersistedCheckState, json) };
  }
}
