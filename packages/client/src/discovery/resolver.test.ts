import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type Client, createClient } from "../create-client.ts";
import { cutOff, type Reply, scripted } from "../send.test.support.ts";
import { settled, VirtualWorld } from "../world.test.support.ts";

interface Row {
  readonly node: string;
  readonly weight?: number;
}

const rowOf = ({ node, weight = 1 }: Row) => ({
  Node: { Node: node, Address: node },
  Service: { ID: "web", Port: 80, Weights: { Passing: weight, Warning: 1 } },
  Checks: [],
});

/** An agent whose list of instances the test sets, and that holds questions for newer ones until it does. */
class Agent {
  readonly world = new VirtualWorld();
  readonly client: Client;
  /** By node: seconds from the agent, which is `here`. */
  readonly distances = new Map<string, number>();
  /** Instead of the list. */
  failure: Reply | undefined;
  #rows: readonly Row[] = [];
  #index = 1;
  #held: (() => void)[] = [];

  constructor() {
    const { send } = scripted(({ target, signal }) => this.#answer(target, signal));
    this.client = createClient({ send, world: this.world, timeoutMs: 0, retry: false });
  }

  async tell(...rows: readonly Row[]): Promise<void> {
    this.#rows = rows;
    this.#index++;
    this.letGo();
    await settled();
  }

  letGo(): void {
    for (const go of this.#held.splice(0)) go();
  }

  async #answer(target: string, signal: AbortSignal | undefined): Promise<Reply> {
    const { pathname, searchParams } = new URL(target, "http://agent");
    if (pathname === "/v1/agent/self") return json({ Config: { NodeName: "here", Datacenter: "dc1" } });
    if (pathname.startsWith("/v1/coordinate/node/")) return this.#coordinate(pathname.split("/").at(-1) as string);
    if (Number(searchParams.get("index") ?? 0) >= this.#index)
      await new Promise<void>((go, stop) => {
        this.#held.push(go);
        signal?.addEventListener("abort", () => stop(signal.reason), { once: true });
      });
    const rows = [...this.#rows];
    const distanceOf = ({ node }: Row): number => this.distances.get(node) ?? Number.MAX_VALUE;
    if (searchParams.has("near")) rows.sort((a, b) => distanceOf(a) - distanceOf(b));
    return this.failure ?? json(rows.map(rowOf), { "x-consul-index": String(this.#index) });
  }

  #coordinate(node: string): Reply {
    const at = node === "here" ? 0 : this.distances.get(node);
    if (at === undefined || this.distances.size === 0) return { status: 404 };
    return json([{ Node: node, Segment: "", Coord: { Vec: [at], Error: 1, Adjustment: 0, Height: 0 } }]);
  }
}

const json = (value: unknown, headers: Record<string, string> = {}): Reply => ({
  body: JSON.stringify(value),
  headers,
});

async function chosen(resolver: { pick(): Promise<{ node: string; release(): void }> }, count: number) {
  const nodes: string[] = [];
  for (let at = 0; at < count; at++) {
    const endpoint = await resolver.pick();
    nodes.push(endpoint.node);
    endpoint.release();
    await settled();
  }
  return nodes.join("");
}

test("nearest: in turn among those that coordinates cannot tell apart", async () => {
  const agent = new Agent();
  agent.distances.set("a", 0.001).set("b", 0.001_05).set("c", 0.05);
  await agent.tell({ node: "a" }, { node: "b" }, { node: "c" });
  const resolver = agent.client.resolver("web", { strategy: "nearest" });
  assert.equal(await chosen(resolver, 1), "a");
  assert.deepEqual([...(await chosen(resolver, 6))].sort().join(""), "aaabbb");
  resolver.close();
});

test("nearest: where nothing is known of distances nobody is nearer", async () => {
  const agent = new Agent();
  await agent.tell({ node: "a" }, { node: "b" }, { node: "c" });
  const resolver = agent.client.resolver("web", { strategy: "nearest" });
  await chosen(resolver, 1);
  assert.deepEqual([...(await chosen(resolver, 6))].sort().join(""), "aabbcc");
  resolver.close();
});

test("nearest: distances that change are noticed although the list does not", async () => {
  const agent = new Agent();
  agent.distances.set("a", 0.001).set("b", 0.05);
  await agent.tell({ node: "a" }, { node: "b" });
  const resolver = agent.client.resolver("web", { strategy: "nearest" });
  assert.equal(await chosen(resolver, 3), "aaa");
  agent.distances.set("a", 0.08);
  assert.equal(await chosen(resolver, 3), "aaa");
  await agent.world.pass(60_000);
  await chosen(resolver, 1);
  assert.equal(await chosen(resolver, 3), "bbb");
  resolver.close();
});

test("who goes and comes back is still as busy as it is", async () => {
  const agent = new Agent();
  await agent.tell({ node: "a" }, { node: "b" });
  const resolver = agent.client.resolver("web", { strategy: "least-loaded" });
  const first = await resolver.pick();
  await agent.tell({ node: first.node === "a" ? "b" : "a" });
  await agent.tell({ node: "a" }, { node: "b" });
  assert.ok(!(await chosen(resolver, 4)).includes(first.node));
  first.release();
  assert.ok((await chosen(resolver, 4)).includes(first.node));
  resolver.close();
});

test("work that its caller gives up says nothing against the instance; other failures do", async () => {
  const agent = new Agent();
  await agent.tell({ node: "a" }, { node: "b" });
  const resolver = agent.client.resolver("web");
  const give = new AbortController();
  const used = resolver.use(
    async () => {
      give.abort(new Error("enough"));
      throw give.signal.reason;
    },
    { signal: give.signal },
  );
  await assert.rejects(used, /enough/);
  assert.deepEqual([...(await chosen(resolver, 4))].sort().join(""), "aabb");
  let failed = "";
  await assert.rejects(
    resolver.use(({ node }) => {
      failed = node;
      throw new Error("broken");
    }),
  );
  assert.ok(!(await chosen(resolver, 4)).includes(failed));
  resolver.close();
});

test("an endpoint that nobody gave back is given back when it is garbage", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const agent = new Agent();
  await agent.tell({ node: "a" }, { node: "b" });
  const resolver = agent.client.resolver("web", { strategy: "least-loaded" });
  const busy = await resolver.pick();
  await (async () => void (await resolver.pick()))(); // the other one: both are equally loaded now
  const idle = busy.node === "a" ? "b" : "a";
  let nodes = "";
  for (let turns = 0; nodes !== idle.repeat(4) && turns < 1_000; turns++) {
    collect();
    await settled();
    nodes = await chosen(resolver, 4);
  }
  assert.equal(nodes, idle.repeat(4));
  busy.release();
  resolver.close();
});

test("the age of the list counts from the last answer, and an agent that hangs counts as away", async () => {
  const agent = new Agent();
  await agent.tell({ node: "a" });
  const resolver = agent.client.resolver("web");
  await resolver.pick();
  await agent.world.pass(30_000);
  assert.equal(resolver.ageMs, 0); // the question may still be held
  await agent.world.pass(10_000);
  assert.equal(resolver.ageMs, 40_000);
  agent.failure = cutOff();
  agent.letGo();
  await settled();
  await agent.world.pass(5_000);
  assert.equal((await resolver.pick()).ageMs, 45_000);
  agent.failure = undefined;
  await agent.tell({ node: "a" }, { node: "b" });
  await agent.world.pass(30_000);
  assert.deepEqual([resolver.ageMs, resolver.size], [0, 2]);
  resolver.close();
});

test("who was refused once is asked again, by whoever wants an instance", async () => {
  const agent = new Agent();
  agent.failure = { status: 403, body: "Permission denied" };
  await assert.rejects(agent.client.resolve("web"), /403|Permission denied/);
  agent.failure = undefined;
  await agent.tell({ node: "a" });
  assert.equal((await agent.client.resolve("web")).node, "a");
  agent.client.close();
});
