import assert from "node:assert/strict";
import { test } from "node:test";
import { HealthCheck, make, Node, NodeService, type Transition } from "@tribune/api";
import fc from "fast-check";
import type { CatalogChange } from "../effects.ts";
import { History } from "./history.ts";
import { HistoryReader } from "./history-reader.ts";
import { decodeHistory, encodeHistory } from "./kept-history.ts";

const told = (history: History): { since: unknown; transitions: readonly Transition[] } =>
  history.peek((tx) => HistoryReader.of(tx).recent(1_000));

const bytesOf = (history: History): Buffer => Buffer.concat([...encodeHistory(history.kept())]);

function resumed(bytes: Uint8Array): History {
  const history = new History();
  const kept = decodeHistory(bytes);
  assert.ok(kept !== undefined);
  history.replaced();
  history.resume(kept);
  return history;
}

const name = fc.constantFrom("a", "b", 'ä \n"x');
const change: fc.Arbitrary<CatalogChange> = fc.oneof(
  fc.record({ node: name, id: name, from: name, to: name, output: fc.string(), Name: name }).map(
    ({ node, id, from, to, output, Name }): CatalogChange => ({
      kind: "check",
      by: "agent",
      before: make(HealthCheck, { Node: node, CheckID: id, Status: from, ServiceID: "s", ServiceName: "S" }),
      after: make(HealthCheck, { Node: node, CheckID: id, Status: to, Output: output, Name }),
    }),
  ),
  fc.record({ node: name, id: name, port: fc.nat(9) }).map(
    ({ node, id, port }): CatalogChange => ({
      kind: "service",
      by: "",
      node,
      before: make(NodeService, { ID: id, Service: id, Port: 10 }),
      after: make(NodeService, { ID: id, Service: id, Port: port }),
    }),
  ),
  name.map(
    (node): CatalogChange => ({ kind: "node", by: "gossip", before: make(Node, { Node: node }), after: undefined }),
  ),
);

test("a history that goes on from its file tells what it told, and then what comes", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(change, fc.option(fc.nat(1e12), { nil: undefined })), { maxLength: 300 }),
      (changes) => {
        const history = new History();
        for (const [at, [each, appendedAtMs]] of changes.entries()) {
          const cause = { index: at + 1, appendedAtMs };
          history.applied(cause);
          history.record(cause, [each]);
        }
        const again = resumed(bytesOf(history));
        assert.deepEqual(told(again), told(history));
        const next = { index: 1_000, appendedAtMs: 5 };
        const more: CatalogChange = { kind: "node", by: "", before: undefined, after: make(Node, { Node: "new" }) };
        for (const each of [history, again]) {
          each.applied(next);
          each.record(next, [more]);
        }
        assert.deepEqual(told(again), told(history));
      },
    ),
  );
});

test("what was cut off, belongs to a later version or is no history is none", () => {
  const history = new History();
  history.applied({ index: 1 });
  for (let index = 1; index < 300; index++)
    history.record({ index }, [{ kind: "node", by: "", before: undefined, after: make(Node, { Node: `n${index}` }) }]);
  const whole = bytesOf(history);
  assert.equal(decodeHistory(whole)?.transitions.length, 299);
  for (const length of [0, 1, 40, 5_000, whole.length - 1])
    assert.equal(decodeHistory(whole.subarray(0, length)), undefined);
  const text = whole.toString();
  for (const [from, to] of [
    ['"version":1', '"version":2'],
    ['["node","n7"', '["node",7'],
    ['["node","n7"', '["nodes","n7"'],
    ["[7,8,null,", "[7,8,true,"],
    ["[7,8,null,", "[999,8,null,"],
  ] as const)
    assert.equal(decodeHistory(Buffer.from(text.replace(from, to))), undefined, to);
});
