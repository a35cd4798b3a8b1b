import assert from "node:assert/strict";
import { test } from "node:test";
import { startAgent } from "../index.ts";

interface Executed {
  readonly Nodes: readonly { readonly Service: { readonly ID: string; readonly Meta: { readonly v: string } } }[];
}

const SERVICES = ["a", "b", "c", "d", "e", "f"];
/** More than a round of answers. */
const ASKS = 150;

async function serving(run: (ask: (way: string, query?: string) => Promise<Executed>, put: Put) => Promise<void>) {
  const agent = await startAgent();
  const put: Put = async (path, body, method = "PUT") => {
    const response = await fetch(`${agent.url}${path}`, { method, body: JSON.stringify(body) });
    assert.equal(response.status, 200, await response.text());
  };
  try {
    for (const ID of SERVICES) await put("/v1/catalog/register", instance(ID, "1"));
    await put("/v1/query", { Name: "q", Service: { Service: "web" } }, "POST");
    await run(async (encoding, query = "") => {
      const headers = { "accept-encoding": encoding };
      const response = await fetch(`${agent.url}/v1/query/q/execute${query}`, { headers });
      assert.equal(response.headers.get("content-encoding"), encoding === "gzip" && query === "" ? "gzip" : null);
      return (await response.json()) as Executed;
    }, put);
  } finally {
    await agent.stop();
  }
}

type Put = (path: string, body: unknown, method?: string) => Promise<void>;

const instance = (ID: string, v: string) => ({
  Node: `node-${ID}`,
  Address: "10.0.0.1",
  Service: { ID, Service: "web", Meta: { v } },
});
const ids = ({ Nodes }: Executed): string[] => Nodes.map(({ Service }) => Service.ID);

test("each answer of a query asked for again and again has all rows, compressed or not, and as they are now", () =>
  serving(async (ask, put) => {
    for (const encoding of ["identity", "gzip"]) {
      const firsts = new Set<string | undefined>();
      for (let n = 0; n < ASKS; n++) {
        const found = ids(await ask(encoding));
        firsts.add(found[0]);
        assert.deepEqual([...found].sort(), SERVICES);
      }
      assert.equal(firsts.size, SERVICES.length);
    }
    await put("/v1/catalog/register", instance("c", "2"));
    for (const encoding of ["identity", "gzip"]) {
      const versions = (await ask(encoding)).Nodes.map(({ Service }) => Service.ID + Service.Meta.v);
      assert.deepEqual(versions.sort(), ["a1", "b1", "c2", "d1", "e1", "f1"]);
    }
    assert.equal(ids(await ask("identity", "?pretty")).length, SERVICES.length);
  }));

test("the rows of a limited answer are drawn for it alone, and those near to a node begin with it", () =>
  serving(async (ask) => {
    const subsets = new Set<string>();
    for (let n = 0; n < ASKS; n++)
      subsets.add(
        ids(await ask("identity", "?limit=2"))
          .sort()
          .join(""),
      );
    // Fifteen pairs there are; a circle has six of neighbours, and a second or two pass here.
    assert.ok(subsets.size > 12, `${[...subsets]}`);
    for (let n = 0; n < 20; n++) assert.equal(ids(await ask("identity", "?near=node-d"))[0], "d");
  }));
