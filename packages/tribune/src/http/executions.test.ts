import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startAgent } from "../index.ts";

interface Executed {
  readonly Nodes: readonly { readonly Service: { readonly ID: string; readonly Meta: { readonly v: string } } }[];
}

const SERVICES = ["a", "b", "c", "d", "e", "f"];
/** More than a round of answers. */
const ASKS = 150;

type Ask = (way: string, query?: string, seen?: (headers: Headers) => void) => Promise<Executed>;

async function serving(run: (ask: Ask, put: Put) => Promise<void>) {
  // An agent without a directory is in dev mode, where all JSON is indented and nothing is shared.
  const dataDir = await mkdtemp(join(tmpdir(), "tribune-executions-"));
  const agent = await startAgent({ dataDir });
  const put: Put = async (path, body, method = "PUT") => {
    const response = await fetch(`${agent.url}${path}`, { method, body: JSON.stringify(body) });
    assert.equal(response.status, 200, await response.text());
  };
  try {
    for (const ID of SERVICES) await put("/v1/catalog/register", instance(ID, "1"));
    await put("/v1/query", { Name: "q", Service: { Service: "web" } }, "POST");
    await run(async (encoding, query = "", seen) => {
      const headers = { "accept-encoding": encoding };
      const response = await fetch(`${agent.url}/v1/query/q/execute${query}`, { headers });
      assert.equal(response.headers.get("content-encoding"), encoding === "gzip" && query === "" ? "gzip" : null);
      seen?.(response.headers);
      return (await response.json()) as Executed;
    }, put);
  } finally {
    await agent.stop();
    await rm(dataDir, { recursive: true });
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

test("what the agent's cache says of an answer goes to nobody else", () =>
  serving(async (ask) => {
    const cacheOf = async (query: string): Promise<readonly [string | null, string | null]> => {
      let said: readonly [string | null, string | null] = [null, null];
      await ask("identity", query, (headers) => {
        said = [headers.get("x-cache"), headers.get("age")];
      });
      return said;
    };
    assert.deepEqual(await cacheOf("?cached"), ["MISS", null]);
    for (let n = 0; n < ASKS; n++) {
      assert.deepEqual(await cacheOf(""), [null, null]);
      assert.equal((await cacheOf("?cached"))[0], "HIT");
    }
  }));
