// What Consul 1.10.11 said of bodies with values of wrong types.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AutopilotConfiguration,
  CoordinateUpdateRequest,
  DeregisterRequest,
  Deregistration,
  PreparedQuery,
  RegisterRequest,
  type Schema,
  Session,
  TxnOperations,
} from "@tribune/api";
import { CheckDefinition, ServiceDefinition } from "../agent/local/registration/definitions.ts";
import { readStruct } from "./struct-json.ts";

const CASES: readonly (readonly [schema: Schema<unknown>, body: unknown, says: string])[] = [
  [Session, { TTL: 15 }, "number into Go struct field .Alias.TTL of type string"],
  [Session, { Checks: {} }, "object into Go struct field .Alias.Checks of type []types.CheckID"],
  [Session, { NodeChecks: [true] }, "bool into Go struct field .Alias.NodeChecks of type string"],
  [CheckDefinition, { Name: 5 }, "number into Go struct field .Alias.Name of type string"],
  [CheckDefinition, { Header: { a: 5 } }, "number into Go struct field .Alias.Header of type []string"],
  [
    ServiceDefinition,
    { Weights: { Passing: [] } },
    "array into Go struct field Weights.Alias.Weights.Passing of type int",
  ],
  [ServiceDefinition, { Checks: 5 }, "number into Go struct field .Alias.Checks of type structs.CheckTypes"],
  [ServiceDefinition, { Check: { Name: 5 } }, "number into Go struct field .Alias.Name of type string"],
  [DeregisterRequest, { CheckID: 5 }, "number into Go struct field .Alias.CheckID of type types.CheckID"],
  [RegisterRequest, { Service: { Port: "x" } }, "string into Go struct field NodeService.Service.Port of type int"],
  [TxnOperations, 5, "number into Go value of type api.TxnOps"],
  [TxnOperations, [{ KV: 5 }], "number into Go struct field TxnOp.KV of type api.KVTxnOp"],
  [TxnOperations, [{ KV: { Verb: 5 } }], "number into Go struct field KVTxnOp.KV.Verb of type api.KVOp"],
  [TxnOperations, [{ Node: { Node: 5 } }], "number into Go struct field NodeTxnOp.Node.Node of type api.Node"],
  [
    CoordinateUpdateRequest,
    { Coord: { Vec: 5 } },
    "number into Go struct field Coordinate.Coord.Vec of type []float64",
  ],
];

test("a value of a wrong type is named as Go names it", () => {
  for (const [schema, body, says] of CASES)
    assert.throws(() => readStruct(schema, body), { message: `json: cannot unmarshal ${says}` }, JSON.stringify(body));
});

test("only definitions of checks, sessions, and what a service says of the mesh, may have fields that nobody knows", () => {
  const strictly = (body: unknown) => () => readStruct(RegisterRequest, body, true);
  const unknown = { message: 'json: unknown field "Bogus"' };
  assert.throws(strictly({ Bogus: 1 }), unknown);
  assert.throws(strictly({ Check: { Bogus: 1 } }), unknown);
  assert.throws(strictly({ Service: { Proxy: { Bogus: 1 } } }), unknown);
  assert.doesNotThrow(strictly({ Check: { Definition: { Bogus: 1 } }, Service: { Connect: { Bogus: 1 } } }));
  assert.doesNotThrow(() => readStruct(Session, { Bogus: 1, ServiceChecks: [{ ID: "c", Bogus: 1 }] }, true));
});

test("what client libraries of other versions always send is taken", () => {
  const failover = (given: object) => () =>
    readStruct(PreparedQuery, { Service: { Failover: { NearestN: 1, ...given } } }, true);
  assert.equal(failover({ Targets: null, SkipLocalDatacenter: false })().Service.Failover.NearestN, 1);
  assert.throws(failover({ Targets: [{ Peer: "p" }] }), { message: 'json: unknown field "Targets"' });
  assert.equal(readStruct(Deregistration, { Node: "n", Address: "" }, true).Node, "n");
  const Definition = { HTTP: "http://x/", TCPUseTLS: false, UDP: "", OSService: "", Interval: "10s" };
  const check = { Node: "n", CheckID: "c", Namespace: "", ExposedPort: 7, Definition };
  const read = readStruct(TxnOperations, [{ Check: { Verb: "set", Check: check } }], true)?.[0]?.Check?.Check;
  assert.deepEqual([read?.ExposedPort, read?.Definition.Interval], [7, 10e9]);
  assert.doesNotThrow(() => readStruct(TxnOperations, [{ KV: { Verb: "get", Key: "k", Namespace: "" } }], true));
});

test("a duration that is neither text nor number counts for nothing, but for Autopilot's", () => {
  for (const odd of [true, [], {}]) {
    assert.equal(readStruct<{ TTL: number }>(CheckDefinition as never, { TTL: odd }).TTL, 0);
    const message = `strconv.ParseFloat: parsing "${JSON.stringify(odd)}": invalid syntax`;
    assert.throws(() => readStruct(AutopilotConfiguration, { LastContactThreshold: odd }), { message });
  }
});
