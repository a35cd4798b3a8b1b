import {
  bool,
  fromJson,
  HealthCheck,
  type Infer,
  int,
  JsonShapeError,
  NodeService,
  nullable,
  omitEmpty,
  struct,
  text,
  toJson,
  CheckType as WireCheckType,
} from "@tribune/api";
import { type CheckKind, CheckType, kindOf, makeCheckType } from "../../../checks/check-type.ts";
import { EMPTY_CHECK, EMPTY_SERVICE } from "../empty-rows.ts";
import { compact } from "./compact.ts";

/**
 * What survives a restart, in the shapes that Consul writes to `services/`, `checks/` and `checks/state/` of its
 * data directory. The journal holds the same, more tersely.
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

/** As Consul 1.10 knows it. */
const OlderCheck = struct("persistedCheck", {
  Check: HealthCheck,
  ChkType: nullable(WireCheckType),
  Token: text,
  Source: text,
});
const NEWER_KINDS: readonly CheckKind[] = ["udp", "os_service"];

/** The last word of a TTL check. */
export const PersistedCheckState = struct("persistedCheckState", {
  CheckID: text,
  Output: text,
  Status: text,
  /** Unix seconds from which on the status counts no more. */
  Expires: int,
});
export type PersistedCheckState = Infer<typeof PersistedCheckState>;

export type Registration =
  | { readonly kind: "service"; readonly value: PersistedService }
  | { readonly kind: "check"; readonly value: PersistedCheck }
  | { readonly kind: "checkState"; readonly value: PersistedCheckState };

/** Several changes make up one record of the journal, which is kept or lost as a whole. */
export type Change =
  | Registration
  | { readonly kind: "serviceGone"; readonly id: string }
  /** The check, and what its TTL last said. */
  | { readonly kind: "checkGone"; readonly id: string };

const service = compact(NodeService, EMPTY_SERVICE);
const check = compact(HealthCheck, EMPTY_CHECK);
const checkType = compact(CheckType, makeCheckType({}));

export function encodeChanges(changes: readonly Change[]): Uint8Array {
  return Buffer.from(JSON.stringify(changes.map(plain)));
}

/** @throws SyntaxError, which a record with a good checksum never causes. */
export function decodeChanges(payload: Uint8Array): Change[] {
  return (JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString()) as Plain[]).map(
    change,
  );
}

// biome-ignore lint/suspicious/noExplicitAny: what `plain` has written, behind a checksum
type Plain = any;

function plain(given: Change): Plain {
  switch (given.kind) {
    case "service":
      return { ...given, value: { ...given.value, Service: service.write(given.value.Service) } };
    case "check": {
      const { Check, ChkType, ...rest } = given.value;
      const value = { ...rest, Check: check.write(Check), ChkType: ChkType === null ? null : checkType.write(ChkType) };
      return { ...given, value };
    }
    default:
      return given;
  }
}

function change(json: Plain): Change {
  switch (json.kind as Change["kind"]) {
    case "service":
      return { kind: "service", value: { ...json.value, Service: service.read(json.value.Service) } };
    case "check": {
      const { Check, ChkType, ...rest } = json.value;
      const value = { ...rest, Check: check.read(Check), ChkType: ChkType === null ? null : checkType.read(ChkType) };
      return { kind: "check", value };
    }
    default:
      return json;
  }
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

/** What one of Consul's files holds, as `readConsulFile` reads it. */
export function writeConsulFile(given: Registration): { readonly id: string; readonly json: unknown } {
  switch (given.kind) {
    case "service": {
      const { Service } = given.value;
      const { LocallyRegisteredAsSidecar } = Service;
      return { id: Service.ID, json: toJson(PersistedService, { ...given.value, LocallyRegisteredAsSidecar }) };
    }
    case "check": {
      const { Check, ChkType } = given.value;
      // Consul refuses a file with fields that it does not know. Where a check is nothing without them that is right.
      const isNew = ChkType !== null && NEWER_KINDS.includes(kindOf(ChkType));
      return { id: Check.CheckID, json: toJson(isNew ? PersistedCheck : OlderCheck, given.value) };
    }
    case "checkState":
      return { id: given.value.CheckID, json: toJson(PersistedCheckState, given.value) };
  }
}
