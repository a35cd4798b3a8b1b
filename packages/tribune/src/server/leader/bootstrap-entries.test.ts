import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startAgent } from "../../index.ts";

test("a new leader writes the configured entries that are not there, and leaves those that are", async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), "tribune-bootstrap-"));
  t.after(() => rm(dataDir, { recursive: true }));
  const start = (protocol: string) =>
    startAgent({
      dataDir,
      config: { config_entries: { bootstrap: [{ kind: "service-defaults", name: "web", protocol }] } },
    });
  for (const configured of ["http", "grpc"]) {
    const agent = await start(configured);
    try {
      // A leader answers before it has carried out all of its duties.
      const deadline = Date.now() + 60_000;
      let response: Response;
      do response = await fetch(`${agent.url}/v1/config/service-defaults/web`);
      while (response.status === 404 && Date.now() < deadline);
      const entry = (await response.json()) as { Protocol: string };
      assert.equal(entry.Protocol, "http", `configured: ${configured}`);
    } finally {
      await agent.stop();
    }
  }
});

test("an entry that would be refused is refused at start", async () => {
  const bootstrap = [{ kind: "service-defaults", name: "web", protocol: 1, nonsense: true }];
  await assert.rejects(startAgent({ config: { config_entries: { bootstrap } } }), /nonsense/);
});
