/**
 * A server that took its state from a snapshot must not differ from one that applied every command itself: not in what
 * they hold, nor in what they make of the commands that follow.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AutopilotConfig,
  AutopilotSetConfigRequest,
  CAConfiguration,
  CARequest,
  type ConfigEntry,
  type ConfigEntryKind,
  ConfigEntryRequest,
  configEntryStruct,
  DeregisterRequest,
  type GatewayService,
  HealthCheck,
  HealthCheckDefinition,
  IntentionMutation,
  IntentionRequest,
  make,
  Node,
  NodeService,
  PreparedQuery,
  PreparedQueryRequest,
  QueryTemplateOptions,
  type Schema,
  Session,
  SourceIntention,
  SystemMetadataEntry,
  SystemMetadataRequest,
  TombstoneRequest,
  type TxnOp,
  Upstream,
  zero,
} from "@tribune/api";
import fc from "fast-check";
import { AUTOPILOT } from "./autopilot.ts";
import { GATEWAY_SERVICES } from "./catalog/gateway-services.ts";
import { CoordinateBatch } from "./catalog/snapshot.ts";
import { CHECKS, COORDINATES, NODES, SERVICE_NAMES, SERVICES } from "./catalog/tables.ts";
import { CHUNKS } from "./chunking.ts";
import { INDEXES } from "./index-table.ts";
import { KVS, plainEntry, TOMBSTONES } from "./kv.ts";
import type { TableSchema } from "./memdb/types.ts";
import { MESSAGE } from "./message-types.ts";
import { OPAQUE } from "./opaque.ts";
import { SESSIONS } from "./session-table.ts";
import { kvOp, Machine, sessionId } from "./testing.ts";

// ---- commands: a small world, so that they meet, and every spelling in which it is the same name ----

const anyOf = fc.constantFrom;
const nodeNames = anyOf("n1", "N1", "n2");
const nodeIds = anyOf("", "", "abcd0000-0000-0000-0000-000000000001", "ABCD0000-0000-0000-0000-000000000002");
const meta = anyOf(null, {}, { rack: "r1" }, { rack: "r2", zone: "" });
const tagged = anyOf(null, {}, { lan: "10.0.0.9" });
const names = anyOf("web", "Web", "db", "consul");
const serviceIds = anyOf("s1", "S1", "s2");
const checkIds = anyOf("c1", "C1", "c2", "serfHealth");
const indexes = fc.integer({ min: 0, max: 40 });
const numbers = fc.integer({ min: 1, max: 3 });

const services = fc
  .record({
    ID: serviceIds,
    Service: names,
    Kind: anyOf("", "", "connect-proxy", "ingress-gateway", "terminating-gateway"),
    Tags: anyOf(null, [], ["x"], ["y", "x"], ["x", "x"]),
    Address: anyOf("", "10.1.0.1"),
    TaggedAddresses: anyOf(null, {}, { lan: { Address: "10.1.0.2", Port: 1 } }),
    Meta: meta,
    Weights: anyOf(null, { Passing: 0, Warning: 1 }, { Passing: 3, Warning: 0 }),
    Port: fc.nat(1),
    EnableTagOverride: fc.boolean(),
    LocallyRegisteredAsSidecar: fc.boolean(),
    native: fc.boolean(),
    target: anyOf("", "web", "DB"),
    config: anyOf<unknown>(null, {}, { a: 1, b: 1.5, c: "é", d: [true, null, { e: 2 ** 40 }] }),
    upstreams: anyOf(null, [], [make(Upstream, { DestinationName: "Db", Config: { x: 1 } })]),
  })
  .map(({ native, target, config, upstreams, ...given }) => {
    const empty = zero(NodeService);
    return make(NodeService, {
      ...given,
      Connect: { ...empty.Connect, Native: native },
      Proxy: { ...empty.Proxy, DestinationServiceName: target, Config: config as never, Upstreams: upstreams },
    });
  });
const checks = fc.record({
  CheckID: checkIds,
  ServiceID: anyOf("", "", "s1", "S1", "s2"),
  ServiceName: anyOf("", "other"),
  ServiceTags: anyOf(null, ["given"]),
  Status: anyOf("", "passing", "warning", "critical"),
  Output: anyOf("", "out"),
  Type: anyOf("", "http"),
  Definition: anyOf(zero(HealthCheckDefinition), make(HealthCheckDefinition, { HTTP: "http://x", Interval: 1e9 })),
});
const checkOn = (Node: string, given: Partial<HealthCheck>) => make(HealthCheck, { Node, ...given });
const entryNames = anyOf("web", "Web", "db");
const linked = anyOf("web", "Web", "*", "*", "consul");
const entryOf = (Kind: ConfigEntryKind, Name: string, given: object = {}): ConfigEntry =>
  make(configEntryStruct(Kind)!, { Kind, Name, ...given } as Partial<ConfigEntry>);

const defaults: fc.Arbitrary<ConfigEntry> = fc.oneof(
  fc
    .tuple(entryNames, anyOf("", "http", "tcp"))
    .map(([name, Protocol]) => entryOf("service-defaults", name, { Protocol })),
  anyOf<object>({}, { Config: { protocol: "http", n: 1, list: [1, "x"] } }).map((given) =>
    entryOf("proxy-defaults", "global", given),
  ),
  fc.tuple(entryNames, names).map(([name, Service]) => entryOf("service-resolver", name, { Redirect: { Service } })),
);
const gateways: fc.Arbitrary<ConfigEntry> = fc
  .record({
    name: anyOf("gw", "GW", "web"),
    all: fc.uniqueArray(linked, { maxLength: 3 }),
    kind: fc.nat(3),
    SNI: names,
  })
  .map(({ name, all, kind, SNI }) => {
    if (kind > 1) {
      const tls = { CAFile: "", CertFile: "", KeyFile: "", SNI };
      return entryOf("terminating-gateway", name, { Services: all.map((Name) => ({ Name, ...tls })) });
    }
    const Services = all.map((Name) => ({ Name, Hosts: null, Meta: null }));
    const Listeners = [80, 81].slice(kind).map((Port) => ({ Port, Protocol: "tcp", Services }));
    return entryOf("ingress-gateway", name, { Listeners });
  });

/** Remembers what it was told, for whoever has to find out why two of them differ. */
class Told extends Machine {
  readonly commands: string[] = [];
  override apply<T>(type: number, schema: Schema<T>, request: T): unknown {
    this.commands.push(`${schema.goType} ${JSON.stringify(request, plainly)}`);
    return super.apply(type, schema, request);
  }
}
const plainly = (_: string, value: unknown): unknown => {
  const isNothing = value === null || value === "" || value === 0 || value === false;
  return isNothing ? undefined : typeof value === "bigint" ? String(value) : value;
};

type Step = (machine: Machine) => unknown;
/** Parts of one command in three entries. */
const PARTS = ["\x02", "no", "ne"];
const part = (opNum: number, at: number): Uint8Array => Uint8Array.of(0x08, opNum, 0x10, at, 0x18, PARTS.length);
const session = (n: number): string => (n === 2 ? sessionId(n).replace(/^0/, "A") : sessionId(n));

const registering: fc.Arbitrary<Step> = fc
  .record({
    node: nodeNames,
    ID: nodeIds,
    Address: anyOf("10.0.0.1", "name"),
    NodeMeta: meta,
    TaggedAddresses: tagged,
    SkipNodeUpdate: fc.boolean(),
    Service: fc.option(services, { freq: 3 }),
    one: fc.option(checks, { freq: 2 }),
    more: fc.option(fc.array(checks, { maxLength: 2 }), { freq: 2 }),
  })
  .map(({ node, one, more, ...given }): Step => {
    // Else most would be refused: their service is not there.
    const own = ({ ServiceID = "", ...check }: Partial<HealthCheck>) =>
      checkOn(node, { ...check, ServiceID: ServiceID === "" ? "" : (given.Service?.ID ?? ServiceID) });
    const Check = one && own(one);
    const Checks = more?.map(own) ?? null;
    return (machine) => machine.register(node, { Datacenter: "dc1", ...given, Check, Checks });
  });

const deregistering: fc.Arbitrary<Step> = fc
  .record({ Node: nodeNames, ServiceID: anyOf("", "s1", "s2"), CheckID: anyOf("", "c1", "C2") })
  .map(
    (given): Step =>
      (machine) =>
        machine.apply(MESSAGE.DEREGISTER, DeregisterRequest, make(DeregisterRequest, given)),
  );

const configuring = (entries: fc.Arbitrary<ConfigEntry>) =>
  fc.tuple(anyOf("upsert", "upsert", "upsert-cas", "delete"), entries, indexes).map(
    ([Op, entry, ModifyIndex]): Step =>
      (machine) =>
        machine.apply(
          MESSAGE.CONFIG_ENTRY,
          ConfigEntryRequest,
          make(ConfigEntryRequest, { Op, Entry: { ...entry, ModifyIndex } as ConfigEntry }),
        ),
  );

/** Few of them at a time, with registrations, meet more often than all of them. */
const families: readonly fc.Arbitrary<Step>[] = [
  deregistering,
  fc
    .tuple(nodeNames, nodeIds, services, checks, numbers, indexes, anyOf("set", "cas", "delete", "delete-cas"))
    .map(([node, ID, Service, check, n, ModifyIndex, Verb]): Step => {
      const at = { CreateIndex: 1, ModifyIndex };
      const ops: Partial<TxnOp>[] = [
        { Node: { Verb, Node: make(Node, { ID, Node: node, Address: "10.0.0.2", ...at }) } },
        { Service: { Verb, Node: node, Service: { ...Service, ...at } } },
        { Check: { Verb, Check: { ...checkOn(node, check), ...at } } },
        { Session: { Verb: "delete", Session: make(Session, { ID: session(n) }) } },
      ];
      return (machine) => machine.txn(ops[(n + ModifyIndex) % ops.length]!, kvOp("set", "t"));
    }),
  fc
    .array(fc.record({ Node: nodeNames, Segment: anyOf("", "a"), at: anyOf(0, -0, 1.5, Number.NaN) }), { maxLength: 2 })
    .map((all): Step => {
      const batch = all.map(({ at, ...row }) => ({
        ...row,
        Coord: { Vec: [at, 1], Error: 1, Adjustment: 0, Height: 0 },
      }));
      return (machine) => machine.apply(MESSAGE.COORDINATE_BATCH_UPDATE, CoordinateBatch, [null, ...batch]);
    }),
  fc
    .tuple(
      anyOf("set", "cas", "delete", "delete-cas", "delete-tree", "lock", "unlock"),
      anyOf("a", "a/b", "é", "a\udc80", ""),
      anyOf(null, "", "x", "\0", "v".repeat(5_000)),
      anyOf<number | bigint>(0, 7, 2n ** 64n - 1n),
      indexes,
      numbers,
    )
    .map(([op, key, value, Flags, ModifyIndex, n]): Step => {
      const Session = op === "lock" || op === "unlock" ? session(n) : "";
      return (machine) => machine.kv(op, key, { value, Flags, ModifyIndex, LockIndex: ModifyIndex % 2, Session });
    }),
  indexes.map(
    (ReapIndex): Step =>
      (machine) =>
        machine.apply(MESSAGE.TOMBSTONE, TombstoneRequest, make(TombstoneRequest, { Op: "reap", ReapIndex })),
  ),
  fc
    .record({
      Node: nodeNames,
      Behavior: anyOf("", "release", "delete"),
      NodeChecks: anyOf(null, [], ["c1"], ["C1", "c2"]),
      ServiceChecks: anyOf(null, [], [{ ID: "c2", Namespace: "" }]),
      Checks: anyOf(null, ["c1"]),
      LockDelay: anyOf(0, 15e9),
      TTL: anyOf("", "10s"),
    })
    .chain((given) => fc.tuple(fc.constant(given), numbers, anyOf("create", "create", "destroy")))
    .map(
      ([given, n, op]): Step =>
        (machine) =>
          machine.session(op, n, { ...given, ID: session(n) } as Partial<Session>),
    ),
  fc
    .tuple(
      numbers,
      anyOf("", "Geo", "geo-eu", sessionId(1)),
      anyOf("", "name_prefix_match"),
      fc.boolean(),
      fc.boolean(),
    )
    .map(([n, Name, Type, withSession, isDelete]): Step => {
      const Template = make(QueryTemplateOptions, { Type });
      const Query = make(PreparedQuery, { ID: session(n), Name, Template, Session: withSession ? session(n) : "" });
      const Op = isDelete ? "delete" : "create";
      return (machine) =>
        machine.apply(MESSAGE.PREPARED_QUERY, PreparedQueryRequest, make(PreparedQueryRequest, { Op, Query }));
    }),
  configuring(defaults),
  configuring(gateways),
  fc
    .tuple(anyOf("create", "upsert", "update", "delete"), names, names, fc.boolean())
    .map(([Op, to, from, old]): Step => {
      const at = "2026-01-02T03:04:05.5Z";
      const legacy = old ? { LegacyID: sessionId(9), LegacyCreateTime: at, LegacyUpdateTime: at } : {};
      const Value = make(SourceIntention, { Name: from, Action: "allow", ...legacy });
      const ID = old ? sessionId(9) : "";
      const Mutation = make(IntentionMutation, { ID, Destination: { Name: to }, Source: { Name: from }, Value });
      return (machine) => machine.apply(MESSAGE.INTENTION, IntentionRequest, make(IntentionRequest, { Op, Mutation }));
    }),
  fc.tuple(anyOf("upsert", "delete"), anyOf("k", "K"), anyOf("", "v")).map(([Op, Key, Value]): Step => {
    const Entry = make(SystemMetadataEntry, { Key, Value });
    return (machine) =>
      machine.apply(MESSAGE.SYSTEM_METADATA, SystemMetadataRequest, make(SystemMetadataRequest, { Op, Entry }));
  }),
  fc.tuple(fc.boolean(), indexes).map(([CAS, ModifyIndex]): Step => {
    const Config = make(AutopilotConfig, { MaxTrailingLogs: ModifyIndex, ModifyIndex });
    return (machine) =>
      machine.apply(MESSAGE.AUTOPILOT, AutopilotSetConfigRequest, make(AutopilotSetConfigRequest, { CAS, Config }));
  }),
  fc.tuple(anyOf("", "id"), anyOf(0, 0, 3)).map(([ClusterID, ModifyIndex]): Step => {
    const Config = make(CAConfiguration, { ClusterID, Config: { LeafCertTTL: "72h", n: 1.5 }, ModifyIndex });
    return (machine) => machine.apply(MESSAGE.CONNECT_CA, CARequest, make(CARequest, { Op: "set-config", Config }));
  }),
  fc.tuple(numbers, fc.nat(PARTS.length - 1), numbers).map(
    ([opNum, at, term]): Step =>
      (machine) => {
        machine.index++;
        const data = new Uint8Array(Buffer.from(PARTS[at]!));
        return machine.fsm.apply({
          index: machine.index,
          term: Math.ceil(term / 2),
          data,
          extensions: part(opNum, at),
        });
      },
  ),
];

// ---- the property ----

const TABLES = [NODES, SERVICES, CHECKS, COORDINATES, SERVICE_NAMES, SESSIONS, TOMBSTONES, OPAQUE];
const SHOWN: readonly TableSchema<object>[] = [...TABLES, AUTOPILOT, CHUNKS, INDEXES] as never;

/** All rows, also of the tables that are no part of a snapshot because they follow from others. */
function contents({ db }: Machine): Readonly<Record<string, unknown>> {
  return db.peek((tx) =>
    Object.fromEntries([
      ["kvs", Array.from(tx.scan(KVS, ""), (entry) => plainEntry(entry))],
      ["gateway-services", Array.from(tx.scan(GATEWAY_SERVICES, ""), undated)],
      ...SHOWN.map((table) => [table.name, [...tx.scan(table, "")]] as const),
    ]),
  );
}

/** Which service a gateway stands before follows from other rows; since when does not, and a snapshot does not say. */
const undated = ({ CreateIndex: _, ModifyIndex: __, ...row }: GatewayService) => row;

function saved({ fsm }: Machine): Buffer {
  const snapshot = fsm.snapshot();
  const bytes = Buffer.concat([...snapshot.chunks]);
  snapshot.release();
  return bytes;
}

function restored(machine: Machine): Machine {
  const copy = new Machine();
  const restore = copy.fsm.restore();
  restore.push(saved(machine));
  restore.finish();
  copy.index = machine.index;
  return copy;
}

function assertSame(copy: Machine, machine: Machine): void {
  assert.deepStrictEqual(contents(copy), contents(machine));
  assert.ok(saved(copy).equals(saved(machine)));
}

type History = readonly [before: readonly Step[], after: readonly Step[]];

const historyOf = (steps: fc.Arbitrary<Step>): fc.Arbitrary<History> =>
  fc.tuple(fc.array(steps, { maxLength: 30 }), fc.array(steps, { maxLength: 15 }));

/** One server applies all, the other takes a snapshot of the first between what was before and what comes after. */
function assertNoDifference(histories: fc.Arbitrary<History>, numRuns: number): void {
  const property = fc.property(histories, ([before, after]) => {
    const machine = new Told();
    for (const run of before) run(machine);
    const restoredAt = machine.commands.length;
    try {
      const copy = restored(machine);
      assertSame(copy, machine);
      for (const run of after) assert.deepEqual(run(copy), run(machine));
      assertSame(copy, machine);
    } catch (error) {
      const told = machine.commands.map((text, at) => `${at < restoredAt ? "before" : "after"}: ${text}`);
      throw new Error([...told, String(error)].join("\n"));
    }
  });
  const { failed, seed, counterexamplePath, errorInstance } = fc.check(property, { numRuns });
  if (failed) throw new Error(`seed ${seed}, path ${counterexamplePath}`, { cause: errorInstance });
}

test("whatever the commands: who restored a snapshot among them holds the same as who applied them all", () => {
  const histories = fc
    .subarray([...families], { maxLength: 3 })
    .chain((chosen) => historyOf(fc.oneof(registering, registering, ...chosen)));
  assertNoDifference(histories, 300);
});

test("so it does behind gateways, whose services follow from other rows", () => {
  assertNoDifference(historyOf(fc.oneof(registering, registering, deregistering, configuring(gateways))), 300);
});
