import assert from "node:assert/strict";
import { test } from "node:test";
import type { ByteSink } from "../../endpoints/answer.ts";
import { ENDPOINTS } from "../../endpoints/index.ts";
import { TribuneError } from "../../lib/errors.ts";
import { noMetrics } from "../../lib/metrics.ts";
import { Answered } from "../../server/query-engine.ts";
import type { WatchSet } from "../../state/memdb/types.ts";
import type { HttpBackend, ReadCall, ReadOutcome } from "../backend.ts";
import { HTTP_OPTIONS } from "../testing.ts";
import type { StreamLimits } from "./limits.ts";
import { StreamHub } from "./stream-hub.ts";

const UNWATCHED: WatchSet = { fired: false, onFire: () => () => {}, release: () => {} };

/** Answers catalog questions from a value that the test sets; timers run when the test says so. */
class World {
  nowMs = 0;
  readonly timers: { readonly atMs: number; readonly run: () => void }[] = [];
  readonly waiting: { readonly call: ReadCall; readonly deliver: (outcome: ReadOutcome | Error) => void }[] = [];
  asked = 0;
  index = 5;
  services: Readonly<Record<string, readonly string[]>> = { web: [] };
  refusal: Error | undefined;
  readonly hub: StreamHub;

  constructor(limits: Partial<StreamLimits> = {}) {
    const backend: Pick<HttpBackend, "read" | "keep"> = {
      keep: () => {},
      read: (call, deliver) => {
        this.asked++;
        const waiter = { call, deliver };
        if (this.refusal !== undefined || this.index > call.minIndex) this.#answer(waiter);
        else this.waiting.push(waiter);
        return () => {
          const at = this.waiting.indexOf(waiter);
          if (at >= 0) this.waiting.splice(at, 1);
        };
      },
    };
    const after = (delayMs: number, run: () => void) => {
      const timer = { atMs: this.nowMs + delayMs, run };
      this.timers.push(timer);
      return () => {
        const at = this.timers.indexOf(timer);
        if (at >= 0) this.timers.splice(at, 1);
      };
    };
    this.hub = new StreamHub({
      endpoints: ENDPOINTS,
      backend,
      options: () => HTTP_OPTIONS,
      runtime: {
        clock: { nowMs: () => this.nowMs, wallMs: () => 0 },
        timers: { after, soon: (run) => void after(0, run) },
      },
      metrics: noMetrics,
      limits,
    });
  }

  #answer({ deliver }: { readonly deliver: (outcome: ReadOutcome | Error) => void }): void {
    if (this.refusal !== undefined) return deliver(this.refusal);
    const reply = { Index: this.index, Services: this.services };
    deliver({ answer: new Answered(reply, UNWATCHED, 0), meta: { knownLeader: true, lastContactMs: 0 } });
  }

  /** Time goes by; what is due runs. */
  pass(ms: number): void {
    const endMs = this.nowMs + ms;
    for (;;) {
      const next = this.timers.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.timers.splice(this.timers.indexOf(next), 1);
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.run();
    }
    this.nowMs = endMs;
  }

  set(services: Readonly<Record<string, readonly string[]>>): void {
    this.services = services;
    this.index++;
    for (const waiter of this.waiting.splice(0)) this.#answer(waiter);
    this.pass(1);
  }

  open(watches: readonly string[], after = "", heartbeat = ""): Reader {
    const asker = {
      ...{
        method: "GET",
        path: "/v1/stream",
        query: { has: () => false, get: () => "", all: () => [], encode: () => "" },
      },
      ...{
        header: () => "",
        contentLength: undefined,
        sourceAddress: "",
        datacenter: "dc1",
        nodeName: "me",
        token: "",
      },
      ...{
        limits: HTTP_OPTIONS.limits,
        defaults: HTTP_OPTIONS,
        dnsDomains: [],
        body: (async function* () {})(),
        onGone: () => () => {},
      },
    };
    const answer = this.hub.open(watches, { after, heartbeat }, asker);
    assert.ok(answer.kind === "stream");
    const reader = new Reader();
    answer.start(reader);
    return reader;
  }
}

interface Event {
  readonly id: string;
  readonly event: string;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the endpoint answers
  readonly data: any;
}

class Reader implements ByteSink {
  #text = "";
  reads = true;
  aborted = false;
  drained = (): void => {};
  closed = (): void => {};

  write(chunk: Uint8Array): boolean {
    this.#text += Buffer.from(chunk).toString("utf8");
    return this.reads;
  }

  end(): void {}

  abort(): void {
    this.aborted = true;
    this.closed();
  }

  get comments(): number {
    return this.#text.split("\n").filter((line) => line.startsWith(":")).length;
  }

  /** What came since the last call. */
  take(): readonly Event[] {
    const blocks = this.#text.split("\n\n").slice(0, -1);
    this.#text = "";
    return blocks.flatMap((block) => {
      const fields = new Map(block.split("\n").map((line) => line.split(/: (.*)/s) as [string, string]));
      const data = fields.get("data");
      return data === undefined ? [] : [{ id: fields.get("id")!, event: fields.get("event")!, data: JSON.parse(data) }];
    });
  }
}

const SERVICES = "/v1/catalog/services";
const MANY = Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`s${String(at).padStart(3, "0")}`, []]));

test("a stream begins with the whole and goes on with what changed", () => {
  const world = new World();
  world.services = MANY;
  const reader = world.open([SERVICES]);
  const [first, ...more] = reader.take();
  assert.deepEqual([first!.event, first!.data.Reason, first!.data.Index, more.length], ["snapshot", "start", 5, 0]);
  assert.deepEqual(first!.data.Value, MANY);
  world.pass(1);
  const { s007: _, ...others } = MANY;
  world.set({ ...others, web: ["v2"] });
  const [change] = reader.take();
  assert.equal(change!.event, "change");
  assert.deepEqual(change!.data, { Watch: 0, Index: 6, Set: { web: ["v2"] }, Unset: ["s007"] });
  assert.match(change!.id, /^6-[0-9a-f]{8}$/);
});

test("readers of one view share its reads, and an answer that says the same is not told", () => {
  const world = new World();
  const readers = [world.open([SERVICES]), world.open([SERVICES]), world.open([SERVICES])];
  world.pass(1);
  assert.equal(world.hub.topics, 1);
  assert.equal(world.asked, 3); // the first answer, one for those who came after it, and the wait for the next
  for (const reader of readers) reader.take();
  world.set({ web: [] });
  for (const reader of readers) assert.deepEqual(reader.take(), []);
  world.set({ web: ["x"] });
  for (const reader of readers) assert.equal(reader.take().length, 1);
});

test("who joins is told of nothing older than his coming, though others wait for the change still", () => {
  const world = new World();
  const first = world.open([SERVICES]);
  world.pass(1);
  first.take();
  // Written and acknowledged, and the one question that waits for it is not woken yet.
  world.services = { web: ["new"] };
  world.index++;
  const second = world.open([SERVICES]).take();
  assert.deepEqual(
    second.map(({ data }) => data.Value),
    [{ web: ["new"] }],
  );
  assert.deepEqual(
    first.take().map(({ event }) => event),
    ["snapshot"],
  );
  // In the pause behind an answer as well.
  world.services = { web: ["newer"] };
  world.index++;
  const third = world.open([SERVICES]);
  assert.deepEqual(third.take(), []);
  world.pass(1);
  assert.deepEqual(
    third.take().map(({ data }) => data.Value),
    [{ web: ["newer"] }],
  );
});

test("who comes back gets what he missed, and nothing if that is nothing", () => {
  const world = new World();
  world.services = MANY;
  const first = world.open([SERVICES]);
  world.pass(1);
  const { id } = first.take()[0]!;
  first.closed();
  assert.deepEqual(
    world
      .open([SERVICES], id)
      .take()
      .map(({ event, id: at }) => [event, at]),
    [["current", id]],
  );
  world.set({ ...MANY, a: [] });
  world.set({ ...MANY, a: [], b: [] });
  const missed = world.open([SERVICES], id).take();
  assert.deepEqual(
    missed.map(({ event, data }) => [event, data.Set]),
    [
      ["change", { a: [] }],
      ["change", { b: [] }],
    ],
  );
});

test("the same content at another agent, or with another index, is taken up without a snapshot", () => {
  const one = new World();
  const { id } = one.open([SERVICES]).take()[0]!;
  const other = new World();
  other.index = 70;
  const [event] = other.open([SERVICES], id).take();
  assert.deepEqual([event!.event, event!.data.Index], ["current", 70]);
});

test("a position that is not known is answered by a snapshot that says so", () => {
  for (const after of ["5-00000000", "rubbish", "99999999999999999999-12345678"]) {
    const [event] = new World().open([SERVICES], after).take();
    assert.deepEqual([event!.event, event!.data.Reason], ["snapshot", "resume"], after);
  }
});

test("several views have a position each, and a position may lack some of them", () => {
  const world = new World();
  const watches = [SERVICES, "/v1/catalog/services?stale"];
  const events = world.open(watches).take();
  const { id } = events.at(-1)!;
  assert.match(id, /^5-([0-9a-f]{8}),5-\1$/);
  const resumed = world.open(
    [SERVICES, "/v1/catalog/services?dc=dc1", watches[1]!],
    `${id.split(",")[0]},,${id.split(",")[1]}`,
  );
  world.pass(1);
  assert.deepEqual(
    resumed
      .take()
      .map(({ event, data }) => [data.Watch, event])
      .sort(),
    [
      [0, "current"],
      [1, "snapshot"],
      [2, "current"],
    ],
  );
});

test("nothing is queued for who does not read: he gets what is true when he does", () => {
  const world = new World();
  world.services = MANY;
  const reader = world.open([SERVICES]);
  world.pass(1);
  reader.take();
  reader.reads = false;
  world.set({ ...MANY, a0: [] }); // fills the connection
  assert.equal(reader.take().length, 1);
  for (let at = 1; at < 50; at++) world.set({ ...MANY, [`a${at}`]: ["x".repeat(200)] });
  assert.deepEqual(reader.take(), []);
  reader.reads = true;
  reader.drained();
  const [event, ...more] = reader.take();
  assert.deepEqual([event!.event, event!.data.Reason, more.length], ["snapshot", "behind", 0]);
  assert.deepEqual(event!.data.Value, { ...MANY, a49: ["x".repeat(200)] });
});

test("who reads nothing for long is let go", () => {
  const world = new World({ stalledMs: 5_000 });
  const reader = world.open([SERVICES]);
  world.pass(1);
  reader.reads = false;
  world.set({ web: ["x"] });
  world.pass(4_000);
  assert.equal(reader.aborted, false);
  world.pass(3_000);
  assert.equal(reader.aborted, true);
  assert.equal(world.hub.streams, 0);
});

test("silence is broken by comments", () => {
  const world = new World();
  const reader = world.open([SERVICES], "", "2s");
  world.pass(9_000);
  assert.ok(reader.comments >= 3, `${reader.comments}`);
});

test("while a view cannot be read its readers are told once, and again when it can", () => {
  const world = new World();
  const reader = world.open([SERVICES]);
  world.pass(1);
  reader.take();
  world.refusal = TribuneError.of("NO_LEADER");
  world.set(world.services);
  world.pass(20_000);
  const told = reader.take();
  assert.deepEqual(
    told.map(({ event, data }) => [event, data]),
    [["failed", { Watch: 0, Status: 500, Error: "No cluster leader" }]],
  );
  world.refusal = undefined;
  world.pass(20_000);
  assert.deepEqual(
    reader.take().map(({ event }) => event),
    ["current"],
  );
  world.set({ web: ["x"] });
  assert.equal(reader.take().length, 1);
});

test("a refusal ends that view and no other", () => {
  const world = new World();
  world.refusal = TribuneError.of("PERMISSION_DENIED");
  const reader = world.open([SERVICES]);
  assert.deepEqual(
    reader.take().map(({ event, data }) => [event, data.Status]),
    [["refused", 403]],
  );
  assert.equal(world.hub.topics, 0);
  world.refusal = undefined;
  assert.equal(world.open([SERVICES]).take()[0]!.event, "snapshot");
});

test("a view is followed a while longer than it is read, then no more", () => {
  const world = new World({ lingerMs: 10_000 });
  const reader = world.open([SERVICES]);
  world.pass(1);
  reader.closed();
  world.pass(9_000);
  assert.deepEqual([world.hub.topics, world.waiting.length], [1, 1]);
  world.pass(2_000);
  assert.deepEqual([world.hub.topics, world.waiting.length, world.timers.length, world.hub.bytes], [0, 0, 0, 0]);
});

test("what cannot be watched is refused before anything is sent", () => {
  const world = new World();
  const cases: readonly (readonly [watches: readonly string[], text: RegExp])[] = [
    [[], /Missing \?watch/],
    [["/v1/agent/self"], /does not take \?index/],
    [["/v1/catalog/register"], /not read with GET/],
    [["/v1/nothing"], /no such endpoint/],
    [["catalog/services"], /no such endpoint/],
    [["/v1/kv/%zz"], /invalid URL escape/],
    [["/v1/catalog/services?stale&consistent"], /Cannot specify \?stale/],
    [Array.from({ length: 33 }, () => SERVICES), /too many watches/],
  ];
  for (const [watches, text] of cases)
    assert.throws(
      () => world.open(watches),
      (error) => error instanceof TribuneError && text.test(error.message),
    );
  assert.throws(() => world.open([SERVICES], "", "soon"), /Invalid heartbeat/);
  assert.equal(world.hub.topics, 0);
});

test("streams, views and the bytes that are held are bounded", () => {
  const few = new World({ streamsMax: 1, topicsMax: 1 });
  const reader = few.open([SERVICES]);
  assert.throws(() => few.open([SERVICES]), /too many streams/);
  reader.closed();
  const again = few.open(["/v1/catalog/services?stale"]); // the other one only lingered
  again.closed();
  assert.throws(() => few.open([SERVICES, "/v1/catalog/services?stale"]), /too many different views/);
  const small = new World({ bytesMax: 100 });
  small.services = MANY;
  const [event] = small.open([SERVICES]).take();
  assert.deepEqual([event!.event, event!.data.Status], ["refused", 429]);
  assert.deepEqual([small.hub.topics, small.hub.bytes], [0, 0]);
  const long = new World({ viewBytesMax: 100 });
  long.services = MANY;
  assert.deepEqual(long.open([SERVICES]).take()[0]!.data.Status, 413);
});
