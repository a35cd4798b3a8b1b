import assert from "node:assert/strict";
import { test } from "node:test";
import { DirEntry, KVSRequest, make } from "@tribune/api";
import { SimDatacenter } from "./datacenter.ts";

const put = (key: string, value: string) =>
  make(KVSRequest, {
    Datacenter: "dc1",
    Op: "set",
    DirEnt: make(DirEntry, { Key: key, Value: Buffer.from(value) }),
  });

async function valueAt(datacenter: SimDatacenter, at: string, key: string, request = {}): Promise<string | undefined> {
  const { answer } = await datacenter.read(at, "kvGet", { Key: key, ...request });
  const { Entries } = answer.reply as unknown as { readonly Entries: readonly DirEntry[] | null };
  const value = Entries?.[0]?.Value;
  return value === undefined || value === null ? undefined : Buffer.from(value).toString();
}

test("three servers and two clients find each other, elect a leader and serve from every agent", async () => {
  const datacenter = new SimDatacenter(1, { servers: 3, clients: 2 });
  await datacenter.start();
  await datacenter.until(
    "everybody knows everybody",
    () =>
      datacenter.agents.every(
        ({ agent }) => agent!.lan.members().filter(({ status }) => status === "alive").length === 5,
      ),
    20_000,
  );
  await datacenter.write("c1", "kvPut", put("a", "1"));
  for (const { name } of datacenter.agents) assert.equal(await valueAt(datacenter, name, "a"), "1", name);
  await datacenter.until(
    "every node is in the catalog",
    async () => {
      const { answer } = await datacenter.read("c2", "catalogNodes", {});
      return (answer.reply as unknown as { Nodes: unknown[] }).Nodes.length === 5;
    },
    70_000,
  );
  assert.deepEqual(
    datacenter.agents.flatMap(({ fatal }) => fatal),
    [],
  );
  await datacenter.stop();
});
