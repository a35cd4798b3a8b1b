import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { nodeMachine } from "../cli/node-machine.ts";
import { loadConfig } from "../config/load.ts";
import type { ListenAddress } from "../config/types.ts";
import { silentLogger } from "../lib/log.ts";
import { noMetrics } from "../lib/metrics.ts";
import type { Disk, DiskFile } from "../lib/runtime.ts";
import { DiskError } from "../lib/runtime.ts";
import { nodeRuntime } from "../net/node-runtime.ts";
import { Agent } from "./agent.ts";

/** Called before each write, sync and rename; what it throws is thrown, and what it returns is waited for. */
type Fault = (operation: "write" | "sync" | "rename", path: string) => void | Promise<void>;

class FaultyDisk implements Disk {
  fault: Fault = () => {};
  readonly #disk: Disk;
  constructor(disk: Disk) {
    this.#disk = disk;
  }
  async open(path: string, mode: "read" | "readwrite" | "create", grows?: boolean): Promise<DiskFile> {
    const file = await this.#disk.open(path, mode, grows);
    return {
      path,
      read: (position, length) => file.read(position, length),
      write: async (position, chunks) => {
        await this.fault("write", path);
        await file.write(position, chunks);
      },
      sync: async () => {
        await this.fault("sync", path);
        await file.sync();
      },
      writeDurablyNow: (position, bytes) => {
        void this.fault("write", path);
        void this.fault("sync", path);
        file.writeDurablyNow!(position, bytes);
      },
      size: () => file.size(),
      truncate: (length) => file.truncate(length),
      close: () => file.close(),
    };
  }
  async rename(from: string, to: string): Promise<void> {
    await this.fault("rename", to);
    await this.#disk.rename(from, to);
  }
  readFile = (path: string) => this.#disk.readFile(path);
  writeFileAtomic = async (path: string, bytes: Uint8Array, mode?: number): Promise<void> => {
    await this.fault("write", path);
    await this.#disk.writeFileAtomic(path, bytes, mode);
  };
  list = (path: string) => this.#disk.list(path);
  makeDir = (path: string) => this.#disk.makeDir(path);
  remove = (path: string) => this.#disk.remove(path);
  syncDir = (path: string) => this.#disk.syncDir(path);
}

interface Started {
  readonly agent: Agent;
  readonly disk: FaultyDisk;
  readonly url: string;
  readonly fatal: Error[];
}

async function start(t: TestContext, dataDir: string, settings: Record<string, unknown> = {}): Promise<Started> {
  const own = {
    server: true,
    bootstrap: true,
    bind_addr: "127.0.0.1",
    data_dir: dataDir,
    performance: { raft_multiplier: 1, rpc_hold_timeout: "200ms" },
    ...settings,
  };
  const loaded = loadConfig({ devMode: false, hcl: [JSON.stringify(own)] }, nodeMachine({})).config;
  const anyPort = (where: ListenAddress) => (where.network === "unix" ? where : { ...where, port: 0 });
  const { http, dns, rpcBind, serfBindLan } = loaded.listen;
  const config = {
    ...loaded,
    listen: {
      ...loaded.listen,
      http: http.map(anyPort),
      dns: dns.map(anyPort),
      rpcBind: rpcBind && anyPort(rpcBind),
      serfBindLan: serfBindLan && anyPort(serfBindLan),
      serfBindWan: undefined,
    },
  };
  const runtime = nodeRuntime();
  const disk = new FaultyDisk(runtime.disk);
  const fatal: Error[] = [];
  const agent = new Agent(config, {
    runtime: { ...runtime, disk },
    logger: silentLogger,
    metrics: noMetrics,
    onFatal: (error) => fatal.push(error),
  });
  t.after(() => agent.stop());
  await agent.start();
  await leading(agent);
  const { host, port } = agent.addresses.http[0]!;
  return { agent, disk, url: `http://${host}:${port}`, fatal };
}

/** Calls wait for a leader for a moment only, so that those of a broken one end soon. A first election may take longer. */
async function leading(agent: Agent): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;)
    try {
      return await agent.mode.ready();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
}

async function directory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "tribune-faulty-"));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

const put = (url: string, path: string, body: string | Uint8Array) => fetch(`${url}${path}`, { method: "PUT", body });
const keysOf = async (url: string): Promise<string[]> => {
  const response = await fetch(`${url}/v1/kv/?keys`);
  return response.status === 404 ? [] : ((await response.json()) as string[]);
};

for (const [operation, code] of [
  ["write", "ENOSPC"],
  ["sync", "EIO"],
] as const)
  test(`after ${code} of the log nothing is acknowledged, and a restart holds what was`, async (t) => {
    const dataDir = await directory(t);
    const first = await start(t, dataDir);
    const acknowledged: string[] = [];
    let failed = 0;
    let writes = 0;
    first.disk.fault = (asked, path) => {
      if (asked === operation && path.includes("/wal/") && ++writes > 20) throw new DiskError(operation, path, code);
    };
    await Promise.all(
      Array.from({ length: 8 }, async (_, client) => {
        for (let count = 0; count < 40; count++) {
          const key = `k${client}-${String(count).padStart(2, "0")}`;
          const { ok } = await put(first.url, `/v1/kv/${key}`, "v");
          if (ok) assert.equal(failed === 0 || first.fatal.length > 0, true);
          if (ok) acknowledged.push(key);
          else failed++;
        }
      }),
    );
    assert.ok(acknowledged.length > 0 && failed > 0);
    assert.equal(first.fatal.length, 1);
    assert.match(first.fatal[0]!.message, new RegExp(`${dataDir}/raft/wal/.*${code}|${code}.*${dataDir}/raft/wal/`));
    await first.agent.stop();
    const second = await start(t, dataDir);
    const kept = new Set(await keysOf(second.url));
    assert.deepEqual(
      acknowledged.filter((key) => !kept.has(key)),
      [],
    );
    await second.agent.stop();
  });

test("what the leader does by itself does not come between the steps of a restore", async (t) => {
  const { agent, disk, url, fatal } = await start(t, await directory(t), { session_ttl_min: "1ms" });
  await put(url, "/v1/kv/kept", "old");
  const archive = new Uint8Array(await (await fetch(`${url}/v1/snapshot`)).arrayBuffer());
  const { ID } = (await (await put(url, "/v1/session/create", '{"TTL":"200ms"}')).json()) as { ID: string };
  let passed = (): void => {};
  disk.fault = async (operation, path) => {
    if (operation !== "rename" || !path.includes("/snapshots/")) return;
    // Longer than the session lives.
    await new Promise<void>((resolve) => {
      passed = resolve;
      setTimeout(resolve, 700);
    });
  };
  const before = Number((await fetch(`${url}/v1/kv/kept`)).headers.get("x-consul-index"));
  const restored = await put(url, "/v1/snapshot", archive);
  passed();
  assert.equal(restored.status, 200, await restored.text());
  assert.deepEqual(fatal, []);
  assert.deepEqual(await (await fetch(`${url}/v1/session/info/${ID}`)).json(), []);
  const after = await fetch(`${url}/v1/kv/kept?index=${before}&wait=10s`);
  assert.ok(Number(after.headers.get("x-consul-index")) > before, "a client that was away hears of the restore");
  await agent.stop();
});

for (const at of ["snapshot", "log"] as const)
  test(`a restore that fails at the ${at} leaves the old state or the new one, and nothing acknowledged is lost`, async (t) => {
    const dataDir = await directory(t);
    const first = await start(t, dataDir);
    await put(first.url, "/v1/kv/both", "archived");
    const archive = new Uint8Array(await (await fetch(`${first.url}/v1/snapshot`)).arrayBuffer());
    await put(first.url, "/v1/kv/both", "later");
    await put(first.url, "/v1/kv/only-old", "x");
    let renamed = false;
    first.disk.fault = (operation, path) => {
      if (operation === "rename" && path.includes("/snapshots/")) {
        if (at === "snapshot") throw new DiskError("rename", path, "EIO");
        renamed = true;
      }
      if (renamed && operation === "write" && path.includes("/wal/")) throw new DiskError("write", path, "ENOSPC");
    };
    assert.equal((await put(first.url, "/v1/snapshot", archive)).status, 500);
    assert.equal((await put(first.url, "/v1/kv/after", "x")).ok, false);
    assert.equal(first.fatal.length, 1);
    await first.agent.stop();
    for (let time = 0; time < 2; time++) {
      const again = await start(t, dataDir);
      const keys = await keysOf(again.url);
      const value = await (await fetch(`${again.url}/v1/kv/both?raw`)).text();
      assert.deepEqual(
        [value, keys.includes("only-old"), keys.includes("after")],
        at === "snapshot" ? ["later", true, false] : ["archived", false, false],
      );
      assert.equal((await put(again.url, `/v1/kv/new-${time}`, "x")).status, 200);
      assert.equal(keys.includes("new-0"), time === 1);
      await again.agent.stop();
    }
  });
