/** Answers as handlers see them: what Consul's client library prints of them. */
import { goMap } from "../lib/go-json.ts";
import { count, flag, list, map, nothing, optional, type Shape, struct, text } from "../lib/go-struct.ts";

type Row = Readonly<Record<string, unknown>>;

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

/** The registry says `Mode` also where it is empty; the library's struct does not. */
const proxy: Shape = (value) => {
  const { Mode, ...others } = value as Row;
  return Mode === "" ? others : value;
};

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
  Proxy: { shape: proxy },
  Connect: optional,
  Namespace: optional,
  Datacenter: optional,
});

const NO_TIME = { zero: "0s" };

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
