import assert from "node:assert/strict";
import { test } from "node:test";
import { HealthCheck, make, NodeService, RegisterRequest } from "@tribune/api";
import { TribuneError } from "../../../lib/errors.ts";
import { RegisterBatches } from "./register-batches.ts";

const settle = async (): Promise<void> => {
  for (let microtask = 0; microtask < 20; microtask++) await Promise.resolve();
};

/** A catalog whose answers come when told, and turns that come when told. Calls are noted as `+`-joined service IDs. */
function setUp() {
  const turns: (() => void)[] = [];
  const calls: {
    readonly ids: string;
    readonly kind: "one" | "all";
    done: (ok?: boolean) => void;
    fail: (error: Error) => void;
  }[] = [];
  const noted = (kind: "one" | "all", requests: readonly RegisterRequest[]): Promise<boolean> =>
    new Promise((resolve, reject) => {
      const ids = requests.map((request) => request.Service?.ID ?? "node").join("+");
      calls.push({ ids, kind, done: (ok = true) => resolve(ok), fail: reject });
    });
  const batches = new RegisterBatches(
    { one: async (request) => void (await noted("one", [request])), all: (requests) => noted("all", requests) },
    { timers: { soon: (run) => turns.push(run) } },
  );
  const outcomes = new Map<string, string>();
  const register = (id: string, given: Partial<RegisterRequest> = {}): void => {
    const request = make(RegisterRequest, {
      Node: "n1",
      Service: make(NodeService, { ID: id, Service: id }),
      SkipNodeUpdate: true,
      ...given,
    });
    batches.register(request).then(
      () => outcomes.set(id, "ok"),
      (error: Error) => outcomes.set(id, error.message),
    );
  };
  const turn = async (): Promise<void> => {
    await settle();
    for (const run of turns.splice(0)) run();
    await settle();
  };
  const sent = (): string[] => calls.map(({ kind, ids }) => `${kind} ${ids}`);
  return { calls, outcomes, register, turn, sent };
}

const checks = (count: number): HealthCheck[] =>
  Array.from({ length: count }, (_, at) => make(HealthCheck, { CheckID: `c${at}` }));

test("a lone registration goes at once, those behind it together", async () => {
  const { calls, outcomes, register, turn, sent } = setUp();
  register("a");
  assert.deepEqual(sent(), ["one a"]); // within the call: no turn of the loop is waited for
  for (const id of ["b", "c", "d"]) register(id);
  await turn();
  assert.deepEqual(sent(), ["one a", "all b+c+d"]);
  for (const id of ["e", "f"]) register(id); // two calls are under way: these gather until one has ended
  await turn();
  assert.equal(calls.length, 2);
  calls[0]?.done();
  await turn();
  assert.deepEqual(sent().slice(2), ["all e+f"]);
  calls[1]?.done();
  calls[2]?.done();
  await turn();
  assert.deepEqual(
    [...outcomes],
    [..."abcdef"].map((id) => [id, "ok"]),
  );
});

test("what one transaction may not hold goes in another, or alone", async () => {
  const { calls, register, turn, sent } = setUp();
  register("first");
  register("wide", { Checks: checks(40) });
  register("wider", { Checks: checks(30) });
  register("narrow");
  register("secret", { Token: "other" });
  register("huge", { Checks: checks(64) });
  register("node", { SkipNodeUpdate: false });
  assert.deepEqual(sent(), ["one first", "one huge", "one node"]);
  for (const call of calls) call.done();
  await turn();
  assert.deepEqual(sent().slice(3), ["all wide+narrow", "one wider"]);
  calls[3]?.done();
  await turn();
  assert.deepEqual(sent().slice(5), ["one secret"]);
});

test("each service has its own answer where the company was refused", async () => {
  for (const refuse of ["a result", "an error"] as const) {
    const { calls, outcomes, register, turn, sent } = setUp();
    register("a");
    for (const id of ["b", "c"]) register(id);
    await turn();
    if (refuse === "a result") calls[1]?.done(false);
    else calls[1]?.fail(TribuneError.of("PERMISSION_DENIED"));
    await turn();
    assert.deepEqual(sent().slice(2), ["one b", "one c"]);
    calls[2]?.fail(TribuneError.of("PERMISSION_DENIED"));
    calls[3]?.done();
    await turn();
    assert.deepEqual([outcomes.get("b"), outcomes.get("c")], ["Permission denied", "ok"]);
  }
});

test("without a leader nobody is tried again", async () => {
  const { calls, outcomes, register, turn } = setUp();
  for (const id of ["a", "b", "c"]) register(id);
  await turn();
  calls[1]?.fail(TribuneError.of("NO_LEADER"));
  await turn();
  assert.equal(calls.length, 2);
  assert.deepEqual([outcomes.get("b"), outcomes.get("c")], ["No cluster leader", "No cluster leader"]);
});
