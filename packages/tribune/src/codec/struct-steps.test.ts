import assert from "node:assert/strict";
import { test } from "node:test";
import {
  IndexedCheckServiceNodes,
  IndexedConfigEntries,
  IndexedNodeDump,
  IndexedNodeServices,
  IndexedServices,
  make,
  Node,
  NodeInfo,
  NodeService,
  type Schema,
  ServiceIntentionsConfigEntry,
} from "@tribune/api";
import { finished } from "../lib/steps.ts";
import { MsgpackError, MsgpackReader } from "./msgpack.ts";
import { decodeStruct, encodeStruct } from "./struct-msgpack.ts";
import { decodeSteps, isLong, SteppedWriter, skipSteps } from "./struct-steps.ts";

const ROWS = Array.from({ length: 1_000 }, (_, at) => at);
const service = (at: number): NodeService => make(NodeService, { ID: `ü${at}`, Port: at, Tags: ["a"] });
const servicesOf = (rows: readonly number[]) => Object.fromEntries(rows.map((at) => [`s${at}`, service(at)]));

const REPLIES: readonly (readonly [schema: Schema<unknown>, value: unknown, isLong: boolean])[] = [
  [
    IndexedCheckServiceNodes,
    make(IndexedCheckServiceNodes, {
      Index: 9,
      Nodes: ROWS.map((at) => ({ Node: make(Node, { Node: "n" }), Service: service(at), Checks: null })),
    }),
    true,
  ],
  [IndexedCheckServiceNodes, make(IndexedCheckServiceNodes, { Nodes: null }), false],
  [IndexedServices, make(IndexedServices, { Services: Object.fromEntries(ROWS.map((at) => [`s${at}`, ["t"]])) }), true],
  [
    IndexedNodeServices,
    make(IndexedNodeServices, { NodeServices: { Node: make(Node, { Node: "n" }), Services: servicesOf(ROWS) } }),
    true,
  ],
  [IndexedNodeServices, make(IndexedNodeServices, { NodeServices: null }), false],
  // Among many rows one that is long itself.
  [
    IndexedNodeDump,
    make(IndexedNodeDump, {
      Dump: ROWS.map((at) => make(NodeInfo, { Node: `n${at}`, Services: at === 500 ? ROWS.map(service) : null })),
    }),
    true,
  ],
  // Wrapped into a byte string, which is one piece however long it is.
  [IndexedConfigEntries, entriesOf(2_000), true],
  [IndexedConfigEntries, entriesOf(9), false],
];

function entriesOf(count: number): IndexedConfigEntries {
  const Entries = Array.from({ length: count }, (_, at) =>
    make(ServiceIntentionsConfigEntry, { Kind: "service-intentions", Name: `d${at}` }),
  );
  return make(IndexedConfigEntries, { Index: 3, Kind: "service-intentions", Entries });
}

test("in steps the bytes and values are the same", () => {
  for (const [schema, value, long] of REPLIES) {
    const bytes = encodeStruct(schema, value);
    assert.equal(isLong(schema, value), long);
    const writer = new SteppedWriter();
    finished(writer.value(schema, value));
    assert.deepEqual(Buffer.concat(writer.take()), Buffer.from(bytes));
    const decoded = finished(decodeSteps(schema, bytes));
    assert.deepEqual(decoded, decodeStruct(schema, bytes));
    assert.deepEqual(Object.keys(decoded as object), Object.keys(decodeStruct(schema, bytes) as object));
    const reader = new MsgpackReader(bytes);
    finished(skipSteps(reader));
    assert.equal(reader.position, bytes.length);
  }
});

test("long values take several steps, in pieces of no great length", () => {
  for (const [schema, value] of REPLIES.filter(([, , long]) => long)) {
    const writer = new SteppedWriter();
    assert.ok([...writer.value(schema, value)].length >= 7);
    for (const piece of writer.take()) assert.ok(piece.length < 192 * 1_024, `a piece of ${piece.length} bytes`);
    assert.ok([...decodeSteps(schema, encodeStruct(schema, value))].length >= 7);
  }
});

test("a name may be __proto__, fields may come in any order and be missing, and damage is refused", () => {
  const Services = Object.defineProperty({ a: [] }, "__proto__", { value: ["x"], enumerable: true });
  const odd = encodeStruct(IndexedServices, make(IndexedServices, { Services }));
  assert.deepEqual(finished(decodeSteps(IndexedServices, odd)), decodeStruct(IndexedServices, odd));
  const sparse = Buffer.concat([Buffer.from([0x82, 0xa1]), Buffer.from("X"), Buffer.from([0x01, 0xa5])]);
  const bytes = Buffer.concat([sparse, Buffer.from("Index"), Buffer.from([7])]);
  assert.deepEqual(finished(decodeSteps(IndexedServices, bytes)), make(IndexedServices, { Index: 7 }));
  assert.throws(() => finished(decodeSteps(IndexedServices, odd.subarray(0, odd.length - 3))), MsgpackError);
});
