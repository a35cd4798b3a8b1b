/**
 * Answers as handlers see them: Consul's client reads them into its structs and prints those, so every field is there,
 * in the struct's order, and what the struct does not know is not.
 */
import { goMap } from "../lib/go-json.ts";

type Shape = (value: unknown) => unknown;
type Row = Readonly<Record<string, unknown>>;

interface Field {
  /** What stands there when the answer has none; a field without it is left out instead. */
  readonly zero?: unknown;
  readonly shape?: Shape;
}

const text: Field = { zero: "" };
const count: Field = { zero: 0 };
const flag: Field = { zero: false };
const nothing: Field = { zero: null };
const optional: Field = {};
const map: Field = { zero: null, shape: (value) => (value === null ? null : goMap(value as Row)) };

function struct(fields: Readonly<Record<string, Field>>): Shape {
  return (value) => {
    if (value === null || value === undefined) return null;
    const row = value as Row;
    const shown: Record<string, unknown> = {};
    for (const [name, field] of Object.entries(fields)) {
      const found = row[name] ?? undefined;
      if ("zero" in field) shown[name] = found === undefined ? field.zero : shaped(field, found);
      else if (!isEmpty(found)) shown[name] = shaped(field, found);
    }
    return shown;
  };
}

const shaped = ({ shape }: Field, value: unknown): unknown => (shape === undefined ? value : shape(value));

/** Go's `omitempty`, which keeps structs. */
function isEmpty(value: unknown): boolean {
  return (
    value === undefined ||
    value === "" ||
    value === 0 ||
    value === false ||
    (Array.isArray(value) && value.length === 0)
  );
}

const list =
  (shape: Shape): Shape =>
  (value) =>
    (value as readonly unknown[]).map(shape);

const pair = struct({
  Key: text,
  CreateIndex: count,
  ModifyIndex: count,
  LockIndex: count,
  Flags: count,
  Value: nothing,
  Session: text,
  Namespace: optional,
});

const node = struct({
  ID: text,
  Node: text,
  Address: text,
  Datacenter: text,
  TaggedAddresses: map,
  Meta: map,
  CreateIndex: count,
  ModifyIndex: count,
});

const agentService = struct({
  Kind: optional,
  ID: text,
  Service: text,
  Tags: nothing,
  Meta: map,
  Port: count,
  Address: text,
  SocketPath: optional,
  TaggedAddresses: { shape: (value) => goMap(value as Row) },
  Weights: { zero: { Passing: 0, Warning: 0 } },
  EnableTagOverride: flag,
  CreateIndex: optional,
  ModifyIndex: optional,
  ContentHash: optional,
  Proxy: optional,
  Connect: optional,
  Namespace: optional,
  Datacenter: optional,
});

const NO_TIME: Field = { zero: "0s" };

const definition = struct({
  Interval: NO_TIME,
  Timeout: NO_TIME,
  DeregisterCriticalServiceAfter: NO_TIME,
  HTTP: text,
  Header: map,
  Method: text,
  Body: text,
  TLSServerName: text,
  TLSSkipVerify: flag,
  TCP: text,
  GRPC: text,
  GRPCUseTLS: flag,
});

const check = struct({
  Node: text,
  CheckID: text,
  Name: text,
  Status: text,
  Notes: text,
  Output: text,
  ServiceID: text,
  ServiceName: text,
  ServiceTags: nothing,
  Type: text,
  Namespace: optional,
  Definition: { zero: definition({}), shape: definition },
  CreateIndex: count,
  ModifyIndex: count,
});

const serviceEntry = struct({
  Node: { zero: null, shape: node },
  Service: { zero: null, shape: agentService },
  Checks: { zero: null, shape: list(check) },
});

const event = struct({
  ID: text,
  Name: text,
  Payload: nothing,
  NodeFilter: text,
  ServiceFilter: text,
  TagFilter: text,
  Version: count,
  LTime: count,
});

const root = struct({ ID: text, Name: text, RootCert: text, Active: flag, CreateIndex: count, ModifyIndex: count });

/** By type of watch. */
export const SHAPES: Readonly<Record<string, Shape>> = {
  key: (value) => pair((value as readonly unknown[])[0]),
  keyprefix: list(pair),
  services: (value) => goMap(value as Row),
  nodes: list(node),
  service: list(serviceEntry),
  checks: list(check),
  event: list(event),
  connect_roots: struct({ ActiveRootID: text, TrustDomain: text, Roots: { zero: null, shape: list(root) } }),
  connect_leaf: struct({
    SerialNumber: text,
    CertPEM: optional,
    PrivateKeyPEM: optional,
    Service: text,
    ServiceURI: text,
    ValidAfter: text,
    ValidBefore: text,
    CreateIndex: count,
    ModifyIndex: count,
  }),
  agent_service: agentService,
};
