import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { contractClient } from "../contract-client.ts";
import { cutOff } from "../send.test.support.ts";
import type { Send, WireRequest } from "../send.ts";
import { VirtualWorld } from "../world.test.support.ts";
import { EventLines } from "./event-lines.ts";
import { eventStreams } from "./event-streams.ts";
import { FollowedValue } from "./followed-value.ts";
import { Watches } from "./watches.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("events come out whole, in whatever pieces they come", () => {
  const text =
    ': hello\nretry: 5\n\nid: 1,\nevent: change\ndata: {"ä":"→\u{1f600}"}\n\n:\n\ndata\ndata:two\r\n\r\nevent: none\n\n';
  const whole = new EventLines().push(bytes(text));
  assert.deepEqual(whole, [
    { event: "change", data: '{"ä":"→\u{1f600}"}', id: "1," },
    { event: "message", data: "\ntwo", id: "1," },
  ]);
  const all = bytes(text);
  fc.assert(
    fc.property(fc.array(fc.nat(all.length)), (cuts) => {
      const lines = new EventLines();
      const edges = [0, ...cuts.toSorted((a, b) => a - b), all.length];
      const events = edges.slice(1).flatMap((end, at) => lines.push(all.subarray(edges[at], end)));
      assert.deepEqual(events, whole);
    }),
  );
});

test("a followed value takes over what is told, and keeps the rows that did not change", () => {
  const nodes = new FollowedValue("Nodes");
  nodes.snapshot({ Status: 200, Value: [{ Node: "a" }, { Node: "b" }, { Node: "c" }] });
  const [, , c] = nodes.value as readonly object[];
  assert.ok(
    nodes.change({
      Splices: [
        { At: 1, Remove: 1, Add: [{ Node: "b", Address: "::1" }] },
        { At: 0, Remove: 1, Add: [] },
      ],
    }),
  );
  const [b, still] = nodes.value as readonly { readonly Node: string; readonly Address: string }[];
  assert.deepEqual([b?.Node, b?.Address], ["b", "::1"]);
  assert.equal(still, c);
  assert.equal(nodes.change({ Splices: [{ At: 5, Remove: 1, Add: [] }] }), false);
  const services = new FollowedValue("Services");
  assert.equal(services.change({ Set: {}, Unset: [] }), false);
  services.snapshot({ Status: 200, Value: { a: [], c: ["x"] } });
  assert.ok(services.change({ Set: { b: ["y"] }, Unset: ["a"] }));
  assert.deepEqual(Object.entries(services.value as object), [
    ["b", ["y"]],
    ["c", ["x"]],
  ]);
  services.snapshot({ Status: 404, Value: null });
  assert.equal(services.value, null);
});

/** Answers each request with the next script: pieces of a body that then stays open, or ends, or an error. */
interface Script {
  readonly status?: number;
  readonly pieces?: readonly string[];
  readonly ends?: boolean;
  readonly error?: Error;
  readonly headers?: Readonly<Record<string, string>>;
}

function watching(scripts: readonly Script[]) {
  const world = new VirtualWorld();
  const asked: WireRequest[] = [];
  const send: Send = async (request) => {
    asked.push(request);
    const { status = 200, pieces = [], ends = false, error, headers = {} } = scripts[asked.length - 1] ?? {};
    if (error !== undefined) throw error;
    const body = (async function* () {
      for (const piece of pieces) yield bytes(piece);
      if (!ends)
        await new Promise((_, reject) => request.signal?.addEventListener("abort", () => reject(new Error("aborted"))));
    })();
    return { status, header: (name) => headers[name], body };
  };
  const closing = new AbortController();
  const ports = { world, transport: eventStreams, closed: closing.signal };
  const watches = new Watches(contractClient({ send, world, timeoutMs: 0 }), ports);
  const seen: string[] = [];
  const failures: string[] = [];
  const onFailure = ({ error }: { readonly error: unknown }) => failures.push((error as Error).message);
  const running = (async () => {
    for await (const { all } of watches.services({ onFailure })) seen.push([...all.keys()].join());
  })();
  running.catch(() => {}); // looked at by the tests that expect it
  const queries = () => asked.map(({ target }) => new URL(target, "http://agent"));
  return { world, asked, seen, failures, running, queries, end: () => closing.abort() };
}

const event = (kind: string, id: string, data: object): string =>
  `id: ${id}\nevent: ${kind}\ndata: ${JSON.stringify({ Watch: 0, ...data })}\n\n`;
const SNAPSHOT = event("snapshot", "5-aaaaaaaa", { Reason: "start", Index: 5, Status: 200, Value: { a: [] } });
const CHANGE = event("change", "6-bbbbbbbb", { Index: 6, Set: { b: [] }, Unset: [] });

test("one request, and changes as they are told", async () => {
  const { world, asked, seen, queries, end } = watching([{ pieces: ["retry: 1000\n\n", SNAPSHOT, CHANGE] }]);
  await world.pass(0);
  assert.deepEqual(seen, ["a", "a,b"]);
  assert.equal(asked.length, 1);
  assert.equal(queries()[0]!.pathname, "/v1/stream");
  assert.equal(queries()[0]!.searchParams.get("watch"), "/v1/catalog/services");
  end();
});

test("a stream that breaks is asked for again, behind what it told last", async () => {
  const { world, seen, failures, queries, end } = watching([
    { pieces: [SNAPSHOT], ends: true },
    { error: cutOff() },
    { pieces: [event("current", "5-aaaaaaaa", { Index: 5 }), CHANGE] },
  ]);
  await world.pass(10_000);
  assert.deepEqual(seen, ["a", "a,b"]);
  assert.deepEqual(
    queries().map(({ searchParams }) => searchParams.get("after")),
    [null, "5-aaaaaaaa", "5-aaaaaaaa"],
  );
  assert.equal(failures.length, 2);
  end();
});

test("an agent that has fallen silent is left", async () => {
  const { world, seen, failures, end } = watching([{ pieces: [SNAPSHOT] }, { pieces: [CHANGE] }]);
  await world.pass(24_000);
  assert.deepEqual([seen, failures], [["a"], []]);
  await world.pass(2_000);
  assert.deepEqual([seen, failures.length], [["a", "a,b"], 1]);
  end();
});

test("a change that does not fit is made good by a snapshot", async () => {
  const misfit = event("change", "7-cccccccc", { Index: 7, Splices: [{ At: 0, Remove: 1, Add: [] }] });
  const { world, seen, queries, end } = watching([{ pieces: [SNAPSHOT, misfit] }, { pieces: [SNAPSHOT, CHANGE] }]);
  await world.pass(1_000);
  assert.deepEqual(seen, ["a", "a,b"]);
  assert.equal(queries()[1]!.searchParams.get("after"), null);
  end();
});

test("an agent without streams, and a view too large for one, are asked by blocking queries", async () => {
  const answer = { pieces: ['{"x":[]}'], ends: true, headers: { "x-consul-index": "3" } };
  const tooLarge = event("refused", "", { Status: 413, Error: "too long" });
  for (const first of [{ status: 404, ends: true }, { pieces: [tooLarge] }]) {
    const { world, seen, queries, end } = watching([first, answer]);
    await world.pass(0);
    assert.deepEqual(seen, ["x"]);
    assert.equal(queries()[1]!.pathname, "/v1/catalog/services");
    end();
  }
});

test("what will not get better is thrown", async () => {
  const refusal = event("refused", "", { Status: 403, Error: "Permission denied" });
  await assert.rejects(watching([{ pieces: [refusal] }]).running, { status: 403 });
  await assert.rejects(watching([{ status: 400, pieces: ["Invalid"], ends: true }]).running, { status: 400 });
});
