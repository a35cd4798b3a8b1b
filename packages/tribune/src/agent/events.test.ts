import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualTime } from "../checks/virtual-time.test.support.ts";
import type { UserEvent } from "../endpoints/agent-api.ts";
import { compileRe2 } from "../lib/bexpr/re2.ts";
import { silentLogger } from "../lib/log.ts";
import { Events } from "./events.ts";

const NO_FILTERS = { payload: null, nodeFilter: "", serviceFilter: "", tagFilter: "" };

const ON = { datacenter: "dc1", token: "" };

/** Agents in one pool: what one fires, all of them hear. */
function agents(...nodes: readonly { readonly name: string; readonly service?: string; readonly tags?: string[] }[]) {
  let lamportTime = 0;
  const made: Events[] = [];
  const hear = (name: string, payload: Uint8Array) => {
    lamportTime++;
    for (const each of made) each.poolEvent({ type: "user", name, payload, lamportTime });
  };
  for (const { name, service, tags = [] } of nodes)
    made.push(
      new Events({
        target: { nodeName: name, services: () => (service === undefined ? [] : [{ name: service, tags }]) },
        compile: compileRe2,
        send: (event, payload) => Promise.resolve(hear(`consul:event:${event}`, payload)),
        runtime: new VirtualTime(),
        logger: silentLogger,
      }),
    );
  return { made, hear };
}

const names = (events: Events) => events.recent().map((event: UserEvent) => event.name);

test("an event reaches everybody, with the pool's Lamport time", async () => {
  const { made } = agents({ name: "a" }, { name: "b" });
  const fired = await made[0]!.fire({ ...NO_FILTERS, name: "deploy", payload: Buffer.from("v2") }, ON);
  const heard = made[1]!.recent()[0]!;
  assert.equal(heard.id, fired.id);
  assert.equal(Buffer.from(heard.payload!).toString(), "v2");
  assert.equal(heard.lamportTime, 1);
  assert.equal(heard.version, 1);
});

test("filters choose by node, service and tag", async () => {
  const { made } = agents({ name: "a1" }, { name: "b1", service: "web", tags: ["v2"] });
  const [a, b] = made as [Events, Events];
  await a.fire({ ...NO_FILTERS, name: "to-a", nodeFilter: "^a" }, ON);
  await a.fire({ ...NO_FILTERS, name: "to-web", serviceFilter: "web" }, ON);
  await a.fire({ ...NO_FILTERS, name: "to-v1", serviceFilter: "web", tagFilter: "v1" }, ON);
  await a.fire({ ...NO_FILTERS, name: "to-v2", serviceFilter: "web", tagFilter: "v2" }, ON);
  assert.deepEqual(names(a), ["to-a"]);
  assert.deepEqual(names(b), ["to-web", "to-v2"]);
});

test("an event with a filter that cannot be is not sent", async () => {
  const { made } = agents({ name: "a" });
  await assert.rejects(made[0]!.fire({ ...NO_FILTERS, name: "x", tagFilter: "t" }, ON), /without service filter/);
  await assert.rejects(
    made[0]!.fire({ ...NO_FILTERS, name: "x", nodeFilter: "(" }, ON),
    /^TribuneError: Invalid node filter/,
  );
  assert.deepEqual(names(made[0]!), []);
});

test("damaged events, other events and remote execution leave no trace", async () => {
  const { made, hear } = agents({ name: "a" });
  hear("consul:event:x", new Uint8Array([0xc1]));
  hear("consul:new-leader", Buffer.from("s1"));
  await made[0]!.fire({ ...NO_FILTERS, name: "_rexec" }, ON);
  assert.deepEqual(names(made[0]!), []);
});

test("the newest 256 are kept, and who waits is woken by the next", async () => {
  const { made } = agents({ name: "a" });
  for (let at = 0; at < 258; at++) await made[0]!.fire({ ...NO_FILTERS, name: `e${at}` }, ON);
  assert.equal(names(made[0]!).length, 256);
  assert.equal(names(made[0]!)[0], "e2");
  let woken = 0;
  made[0]!.onNext(1000, () => woken++);
  await made[0]!.fire({ ...NO_FILTERS, name: "next" }, ON);
  assert.equal(woken, 1);
});
