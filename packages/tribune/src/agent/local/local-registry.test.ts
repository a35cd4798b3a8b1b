import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { type CheckType, makeCheckType } from "../../checks/check-type.ts";
import type { Probe, ProbeResult, Probes } from "../../checks/probe.ts";
import { VirtualTime } from "../../checks/virtual-time.test.support.ts";
import { TribuneError } from "../../lib/errors.ts";
import { silentLogger } from "../../lib/log.ts";
import { noMetrics } from "../../lib/metrics.ts";
import { DiskError } from "../../lib/runtime.ts";
import { FakeCatalog } from "./anti-entropy/fake-catalog.test.support.ts";
import { localBlockingQuery } from "./blocking.ts";
import type { Configured } from "./configured.ts";
import { LocalRegistry } from "./local-registry.ts";
import { MemoryDisk } from "./persistence/memory-disk.test.support.ts";
import { JournalStore } from "./persistence/store.ts";
import { readCheckRegistration, readServiceRegistration } from "./registration/read-registration.ts";

const NODE = { ID: "id", Node: "n1", Address: "10.0.0.1", Datacenter: "dc1", TaggedAddresses: {}, Meta: {} };
const NOTHING: Configured = { services: [], checks: [] };

/** Every probe finds what the test says. */
class Finding {
  result: ProbeResult = { status: "passing", output: "fine" };
  runs = 0;

  probes(time: VirtualTime): Probes {
    const probe: Probe<unknown> = {
      run: (_request, done) => {
        this.runs++;
        return time.timers.after(1, () => done(this.result));
      },
    };
    return Object.fromEntries(
      ["http", "tcp", "udp", "grpc", "h2ping", "script", "docker", "osService"].map((kind) => [kind, probe]),
    ) as unknown as Probes;
  }
}

class Agent {
  readonly time: VirtualTime;
  readonly disk: MemoryDisk;
  readonly catalog: FakeCatalog;
  readonly finding = new Finding();
  readonly registry: LocalRegistry;

  constructor(disk = new MemoryDisk(), time = new VirtualTime()) {
    this.time = time;
    this.disk = disk;
    this.catalog = new FakeCatalog(time);
    // The journal's snapshots do not depend on time; its slices must not wait for the test to advance it.
    const timers = { after: time.timers.after, soon: (run: () => void) => void setImmediate(run) };
    this.registry = new LocalRegistry(
      {
        node: NODE,
        checkUpdateIntervalMs: 300_000,
        discardCheckOutput: false,
        maxCheckOutputBytes: 4096,
        checkDeregisterIntervalMinMs: 60_000,
        enableLocalScripts: false,
        enableRemoteScripts: false,
        syncIntervalMs: 60_000,
        clusterSize: () => 1,
      },
      {
        runtime: time,
        catalog: this.catalog,
        remoteChecks: {
          remoteChecks: () => new Promise(() => {}),
          remoteServiceExists: () => Promise.resolve(true),
        },
        tokens: { userToken: () => "", agentToken: () => "" },
        probes: this.finding.probes(time),
        store: new JournalStore({ dataDir: "data" }, { disk, clock: time.clock, timers, logger: silentLogger }),
        logger: silentLogger,
        metrics: noMetrics,
      },
    );
  }

  async start(configured: Configured = NOTHING): Promise<this> {
    await this.registry.start(configured);
    await this.time.advance(0);
    return this;
  }

  service(body: object, options: { replace?: boolean; token?: string } = {}): Promise<void> {
    const { service, checkTypes } = readServiceRegistration(JSON.stringify(body));
    return this.registry.addService({
      service,
      checkTypes,
      token: options.token ?? "",
      source: "remote",
      persist: true,
      replaceExistingChecks: options.replace ?? false,
    });
  }

  check(body: object): Promise<void> {
    const { check, checkType } = readCheckRegistration(JSON.stringify(body));
    return this.registry.addCheck({ check, checkType, token: "", source: "remote", persist: true });
  }

  statuses(): Record<string, string> {
    return Object.fromEntries([...this.registry.state.liveChecks()].map((check) => [check.CheckID, check.Status]));
  }

  serviceIds(): string[] {
    return [...this.registry.state.liveServices()].map((service) => service.ID);
  }

  /** The process dies; a new one finds the same disk. */
  async killed(configured?: Configured): Promise<Agent> {
    this.disk.kill();
    return new Agent(this.disk, this.time).start(configured);
  }
}

test("a service gets weights, tagged addresses and numbered checks", async () => {
  const own = await new Agent().start();
  await own.service({
    Name: "web",
    Address: "10.1.1.1",
    Port: 80,
    Checks: [{ TTL: "1m" }, { TTL: "2m", Name: "two" }],
  });
  const service = own.registry.state.service("web");
  assert.deepEqual(service?.Weights, { Passing: 1, Warning: 1 });
  assert.deepEqual(service?.TaggedAddresses, {
    lan_ipv4: { Address: "10.1.1.1", Port: 80 },
    wan_ipv4: { Address: "10.1.1.1", Port: 80 },
  });
  const checks = own.registry.state.checksOf("web", false).map(({ CheckID, Name, Type }) => [CheckID, Name, Type]);
  assert.deepEqual(checks, [
    ["service:web:1", "Service 'web' check", "ttl"],
    ["service:web:2", "two", "ttl"],
  ]);
});

test("an identical registration keeps the status; other checks stay unless replaced", async () => {
  const agent = await new Agent().start();
  const body = { Name: "web", Check: { TTL: "1m" } };
  await agent.service(body);
  await agent.check({ Name: "extra", ServiceID: "web", TTL: "1m" });
  await agent.registry.updateTtlCheck("service:web", "passing", "ok");
  await agent.service(body);
  assert.deepEqual(agent.statuses(), { "service:web": "passing", extra: "critical" });
  assert.equal(agent.registry.state.check("service:web")?.Output, "ok");
  await agent.service({ Name: "web", Check: { TTL: "1m", CheckID: "only" } }, { replace: true });
  assert.deepEqual(agent.statuses(), { only: "critical" });
});

test("checks keep their status when they are registered again on their own", async () => {
  const agent = await new Agent().start();
  await agent.check({ Name: "mem", TTL: "1m" });
  await agent.registry.updateTtlCheck("mem", "warning", "hm");
  await agent.check({ Name: "mem", TTL: "2m" });
  assert.deepEqual(agent.statuses(), { mem: "warning" });
});

test("refusals are Consul's", async () => {
  const agent = await new Agent().start();
  const { registry } = agent;
  const scripts =
    /^Scripts are disabled on this agent from remote calls; to enable, configure 'enable_script_checks' to true$/;
  await assert.rejects(agent.check({ Name: "x", TTL: "10s", ServiceID: "none" }), {
    message: 'ServiceID "none" does not exist',
  });
  await assert.rejects(agent.check({ Name: "x", Args: ["true"], Interval: "10s" }), { message: scripts });
  await assert.rejects(agent.service({ Name: "x", Check: { Args: ["true"], Interval: "10s" } }), { message: scripts });
  await assert.rejects(registry.updateTtlCheck("x", "passing", ""), {
    message: 'CheckID "x" does not have associated TTL',
  });
  await assert.rejects(registry.removeService(""), { message: "ServiceID missing" });
  await assert.rejects(registry.removeCheck(""), { message: "CheckID missing" });
  await assert.rejects(registry.enableServiceMaintenance("x", "", ""), {
    kind: "notFound",
    message: 'No service registered with ID "x"',
  });
  await assert.rejects(agent.service({ Name: "x", TaggedAddresses: { lan_ipv4: { Address: "::1" } } }), {
    message: 'Service tagged address "lan_ipv4" must be a valid ipv4 address',
  });
  await registry.removeService("none");
  await registry.removeCheck("none");
  assert.deepEqual(agent.serviceIds(), []);
});

test("maintenance mode is a critical check with a reason", async () => {
  const agent = await new Agent().start();
  await agent.service({ Name: "web", Tags: ["a"] });
  await agent.registry.enableServiceMaintenance("web", "fix", "");
  await agent.registry.enableServiceMaintenance("web", "again", "");
  await agent.registry.enableNodeMaintenance("", "");
  const { state } = agent.registry;
  const { Name, Notes, Type, ServiceTags } = state.check("_service_maintenance:web")!;
  assert.deepEqual([Name, Notes, Type, ServiceTags], ["Service Maintenance Mode", "fix", "maintenance", ["a"]]);
  assert.equal(
    state.check("_node_maintenance")?.Notes,
    "Maintenance mode is enabled for this node, but no reason was provided. This is a default message.",
  );
  const reborn = await agent.killed();
  assert.deepEqual(reborn.statuses(), { "_service_maintenance:web": "critical", _node_maintenance: "critical" });
  await reborn.registry.disableServiceMaintenance("web");
  await reborn.registry.disableNodeMaintenance();
  assert.deepEqual(reborn.statuses(), {});
});

test("after a kill everything acknowledged is back, TTL checks with their last word, the others critical", async () => {
  const agent = await new Agent().start();
  await agent.service(
    { Name: "web", Meta: { k: "v" }, Checks: [{ TTL: "1h" }, { HTTP: "http://h", Interval: "10s" }] },
    { token: "t" },
  );
  await agent.service({ Name: "gone" });
  await agent.registry.removeService("gone");
  await agent.time.advance(20_000);
  await agent.registry.updateTtlCheck("service:web:1", "passing", "ok");
  assert.deepEqual(agent.statuses(), { "service:web:1": "passing", "service:web:2": "passing" });
  const reborn = await agent.killed();
  assert.deepEqual(reborn.serviceIds(), ["web"]);
  assert.deepEqual(reborn.registry.state.service("web")?.Meta, { k: "v" });
  assert.equal(reborn.registry.state.serviceToken("web"), "t");
  assert.deepEqual(reborn.statuses(), { "service:web:1": "passing", "service:web:2": "critical" });
  await reborn.time.advance(20_000);
  assert.equal(reborn.statuses()["service:web:2"], "passing");
  await reborn.time.advance(2 * 3_600_000);
  assert.equal((await reborn.killed()).statuses()["service:web:1"], "critical");
});

test("the configuration's definitions win over registrations of the same ID", async () => {
  const agent = await new Agent().start();
  await agent.service({ Name: "web", Port: 1, Check: { TTL: "1h", CheckID: "c" } });
  const configured = configuredWeb({ port: 2 });
  const reborn = await agent.killed(configured);
  assert.equal(reborn.registry.state.service("web")?.Port, 2);
  const again = await reborn.killed();
  assert.deepEqual(again.serviceIds(), []);
});

test("a reload touches only what is defined differently", async () => {
  const agent = await new Agent().start(configuredWeb({ port: 1 }));
  await agent.registry.updateTtlCheck("service:web", "passing", "");
  const signals: string[] = [];
  agent.registry.state.onServiceChange("web", () => signals.push("web"));
  agent.registry.reload(configuredWeb({ port: 1 }));
  assert.deepEqual(signals, []);
  agent.registry.reload(configuredWeb({ port: 9 }));
  assert.deepEqual(signals, ["web"]);
  assert.equal(agent.registry.state.service("web")?.Port, 9);
  assert.deepEqual(agent.statuses(), { "service:web": "passing" });
  agent.registry.reload(NOTHING);
  assert.deepEqual([agent.serviceIds(), agent.statuses()], [[], {}]);
});

function configuredWeb({ port }: { port: number }): Configured {
  const { service } = readServiceRegistration(JSON.stringify({ Name: "web", Port: port }));
  const checkTypes: CheckType[] = [makeCheckType({ TTL: 3_600e9 })];
  return { services: [{ service, checkTypes, token: "" }], checks: [] };
}

test("a service whose check stays critical is deregistered when its time is up, not before", async () => {
  const agent = await new Agent().start();
  agent.finding.result = { status: "critical", output: "down" };
  await agent.service({
    Name: "web",
    Check: { HTTP: "http://h", Interval: "1s", DeregisterCriticalServiceAfter: "1s" },
  });
  await agent.time.advance(59_000);
  agent.finding.result = { status: "passing", output: "up" };
  await agent.time.advance(2_000);
  agent.finding.result = { status: "critical", output: "down" };
  await agent.time.advance(59_000);
  assert.deepEqual(agent.serviceIds(), ["web"]);
  await agent.time.advance(3_000);
  assert.deepEqual([agent.serviceIds(), agent.statuses()], [[], {}]);
  await agent.time.advance(0);
  assert.equal(agent.catalog.services.size, 0);
});

test("a check that was never reported on does not count as failing for its service's removal", async () => {
  const agent = await new Agent().start();
  await agent.service({ Name: "web", Check: { TTL: "10m", DeregisterCriticalServiceAfter: "1m" } });
  await agent.time.advance(9 * 60_000);
  assert.deepEqual(agent.serviceIds(), ["web"]);
  await agent.time.advance(2 * 60_000 + 1);
  assert.deepEqual(agent.serviceIds(), []);
});

test("a local alias follows its service", async () => {
  const agent = await new Agent().start();
  await agent.service({ Name: "w", Check: { TTL: "1h", Status: "passing" } });
  await agent.service({ Name: "z", Check: { AliasService: "w" } });
  await agent.time.advance(0);
  assert.equal(agent.registry.state.check("service:z")?.Output, "All checks passing.");
  await agent.registry.updateTtlCheck("service:w", "critical", "nope");
  await agent.time.advance(0);
  assert.equal(agent.registry.state.check("service:z")?.Output, `Aliased check "Service 'w' check" failing: nope`);
});

test("a registration that cannot be kept is refused and leaves nothing behind", async () => {
  const agent = await new Agent().start();
  agent.disk.before = (operation, path) => {
    if (operation !== "open") throw new DiskError(operation, path, "ENOSPC");
  };
  await assert.rejects(agent.service({ Name: "web", Check: { TTL: "1m" } }), (error: unknown) => {
    assert.ok(error instanceof TribuneError && error.message.includes("ENOSPC"), String(error));
    return true;
  });
  assert.deepEqual([agent.serviceIds(), agent.statuses()], [[], {}]);
  agent.disk.before = () => {};
  await agent.service({ Name: "web" });
  assert.deepEqual((await agent.killed()).serviceIds(), ["web"]);
});

test("a Consul agent's data directory is taken over at the first start only", async () => {
  const disk = new MemoryDisk();
  const write = (path: string, json: unknown): Promise<void> =>
    disk.writeFileAtomic(`data/${path}`, Buffer.from(JSON.stringify(json)));
  const hash = (letter: string): string => letter.repeat(64);
  await write(`services/${hash("a")}`, {
    Token: "t",
    Service: { ID: "web", Service: "web", Port: 80 },
    Source: "remote",
  });
  await write(`services/${hash("b")}.tmp`, {});
  await write(`services/${hash("c")}`, "odd");
  await write(`checks/${hash("a")}`, {
    Check: { CheckID: "c", Name: "c", Status: "passing", ServiceID: "web", ServiceName: "web" },
    ChkType: { TTL: 3_600e9 },
    Token: "",
    Source: "remote",
  });
  await write(`checks/state/${hash("a")}`, { CheckID: "c", Status: "warning", Output: "o", Expires: 9e9 });
  const agent = await new Agent(disk).start();
  assert.deepEqual([agent.serviceIds(), agent.statuses()], [["web"], { c: "warning" }]);
  assert.equal(agent.registry.state.serviceToken("web"), "t");
  await agent.registry.removeService("web");
  assert.deepEqual((await agent.killed()).serviceIds(), []);
});

/** What a Consul that starts in the directory finds, by the names of its files. */
// biome-ignore lint/suspicious/noExplicitAny: looked into by tests
function consulFiles(disk: MemoryDisk): Record<string, any> {
  const files = [...disk.files].filter(([path]) => /^data\/(services|checks)\//.test(path));
  return Object.fromEntries(
    files.map(([path, { bytes }]) => [path.slice("data/".length), JSON.parse(Buffer.from(bytes).toString())]),
  );
}
/** Consul names files by it. */
const sha256 = (id: string): string => createHash("sha256").update(id).digest("hex");

test("a clean stop leaves a Consul agent what is registered, and nothing else", async () => {
  const agent = await new Agent().start();
  await agent.service({ Name: "web", ID: "web-1", Port: 80, Check: { CheckID: "c", TTL: "1h" } });
  await agent.service({ Name: "db" });
  await agent.registry.stop();
  const { [`services/${sha256("web-1")}`]: web, [`checks/${sha256("c")}`]: check, ...rest } = consulFiles(agent.disk);
  assert.deepEqual([web.Service.ID, web.Service.Port, web.Source], ["web-1", 80, "remote"]);
  assert.deepEqual([check.Check.ServiceID, check.ChkType.TTL], ["web-1", 3_600e9]);
  assert.deepEqual(Object.keys(rest), [`services/${sha256("db")}`]);

  const later = await new Agent(agent.disk).start();
  await later.registry.removeService("web-1");
  await later.registry.stop();
  assert.deepEqual(Object.keys(consulFiles(agent.disk)), [`services/${sha256("db")}`]);
});

test("what a Consul agent changed in between counts, and is taken over whole", async () => {
  const agent = await new Agent().start();
  await agent.service({ Name: "web" });
  await agent.service({ Name: "db" });
  await agent.registry.stop();
  const { disk } = agent;
  await disk.remove(`data/services/${sha256("web")}`);
  const mail = { Token: "", Service: { ID: "mail", Service: "mail" }, Source: "remote" };
  await disk.writeFileAtomic(`data/services/${sha256("mail")}`, Buffer.from(JSON.stringify(mail)));
  const back = await new Agent(disk).start();
  assert.deepEqual(back.serviceIds().sort(), ["db", "mail"]);
  assert.deepEqual((await back.killed()).serviceIds().sort(), ["db", "mail"]);
});

test("after a crash, or where power failed behind a stop, the journal counts and not Consul's files", async () => {
  const agent = await new Agent().start();
  await agent.service({ Name: "web" });
  await agent.registry.stop();
  const crashed = await new Agent(agent.disk).start();
  await crashed.service({ Name: "db" });
  const after = await crashed.killed();
  assert.deepEqual(after.serviceIds().sort(), ["db", "web"]);
  await after.registry.stop();
  for (const torn of ["", '{"Token":"', "\0\0"]) {
    await agent.disk.writeFileAtomic(`data/services/${sha256("db")}`, Buffer.from(torn));
    const again = await new Agent(agent.disk).start();
    assert.deepEqual(again.serviceIds().sort(), ["db", "web"]);
    await again.registry.stop();
  }
});

test("what a Consul agent leaves counts also where there was nothing before, or the first start came to nothing", async () => {
  const mail = { Token: "", Service: { ID: "mail", Service: "mail" }, Source: "remote" };
  const put = (disk: MemoryDisk) =>
    disk.writeFileAtomic(`data/services/${sha256("mail")}`, Buffer.from(JSON.stringify(mail)));
  const agent = await new Agent().start();
  await agent.service({ Name: "web" });
  await agent.registry.removeService("web");
  await agent.registry.stop();
  assert.deepEqual(consulFiles(agent.disk), {});
  await put(agent.disk);
  assert.deepEqual((await new Agent(agent.disk).start()).serviceIds(), ["mail"]);

  const disk = new MemoryDisk();
  await new Agent(disk).start(); // killed before anything of Consul's is in the journal
  await put(disk);
  assert.deepEqual((await new Agent(disk).start()).serviceIds(), ["mail"]);
});

test("hash-based blocking wakes on the service it watches, and only then", async () => {
  const agent = await new Agent().start();
  const { registry, time } = agent;
  await agent.service({ Name: "web", Port: 1 });
  const query = {
    hash: "1",
    waitMs: 1_000,
    read: () => {
      const port = registry.state.service("web")?.Port;
      return { hash: String(port), value: port };
    },
    onChange: (wake: () => void) => registry.state.onServiceChange("web", wake),
  };
  let answer: unknown;
  void localBlockingQuery(query, { runtime: time }).then((found) => {
    answer = found;
  });
  await agent.service({ Name: "other" });
  await time.advance(500);
  assert.equal(answer, undefined);
  await agent.service({ Name: "web", Port: 2 });
  await time.advance(0);
  assert.deepEqual(answer, { hash: "2", value: 2 });
  const unchanged = localBlockingQuery({ ...query, hash: "2" }, { runtime: time });
  await time.advance(1_100);
  assert.deepEqual(await unchanged, { hash: "2", value: 2 });
});

test("after stop nothing is due", async () => {
  const agent = await new Agent().start();
  await agent.service({
    Name: "web",
    Checks: [{ HTTP: "http://h", Interval: "1s" }, { TTL: "1m" }, { AliasService: "x" }],
  });
  await agent.time.advance(10_000);
  const stopped = agent.registry.stop();
  await agent.time.advance(3_600_000);
  await stopped;
  assert.equal(agent.time.pendingTimers, 0);
});

test("a reload defines again what was removed or replaced since, and that for good", async () => {
  const defined = configuredWeb({ port: 1 });
  const agent = await new Agent().start(defined);
  const kept = agent.registry.state.service("web");
  const checks = Object.keys(agent.statuses());
  assert.ok(kept !== undefined && checks.length > 0);
  const reload = async (configured: Configured): Promise<void> => {
    agent.registry.reload(configured);
    await agent.time.advance(0);
  };

  await agent.registry.removeService("web");
  await reload(defined);
  assert.deepEqual(agent.registry.state.service("web"), kept);
  assert.deepEqual(Object.keys(agent.statuses()), checks);

  await agent.registry.removeCheck(checks[0]!);
  await reload(defined);
  assert.deepEqual(Object.keys(agent.statuses()), checks);

  await agent.service({ Name: "web", Port: 7 });
  assert.equal(agent.registry.state.service("web")?.Port, 7);
  await reload(defined);
  assert.equal(agent.registry.state.service("web")?.Port, 1);

  await agent.service({ Name: "later" }); // is on the disk once this is answered, and so is what was written before
  await reload(NOTHING);
  assert.deepEqual((await agent.killed()).serviceIds(), ["later"]);
});

test("what was registered in place of a definition stays when the definition goes", async () => {
  const agent = await new Agent().start(configuredWeb({ port: 1 }));
  await agent.service({ Name: "web", Port: 7 });
  assert.equal(Object.keys(agent.statuses()).length, 1);
  agent.registry.reload(NOTHING);
  assert.equal(agent.registry.state.service("web")?.Port, 7);
  assert.deepEqual(agent.statuses(), {}, "nobody defines its check any more");
});

test("what a definition took the place of does not come back when the definition is gone", async () => {
  const agent = await new Agent().start();
  await agent.service({ Name: "web", Check: { TTL: "1m" } });
  const checks = Object.keys(agent.statuses());
  agent.registry.reload(configuredWeb({ port: 1 }));
  assert.deepEqual(Object.keys(agent.statuses()), checks, "the definition's check has the same ID");
  agent.registry.reload(NOTHING);
  await agent.service({ Name: "web", Port: 7 });
  const next = await agent.killed();
  assert.equal(next.registry.state.service("web")?.Port, 7);
  assert.deepEqual(next.statuses(), {});
});

test("what a failing disk refused does not come back, once the disk is well and the agent starts anew", async () => {
  const own = await new Agent().start();
  await own.service({ Name: "old", Tags: ["kept"] });
  own.disk.before = (operation, path) => {
    if (operation === "write") throw new DiskError("write", path, "ENOSPC");
  };
  const refused = [
    own.service({ Name: "new" }),
    own.service({ Name: "new" }),
    own.service({ Name: "old", Tags: ["no"] }),
  ];
  for (const result of await Promise.allSettled(refused)) assert.equal(result.status, "rejected");
  own.disk.before = () => {};
  await own.service({ Name: "later" });
  await own.registry.stop(); // a new file, and a snapshot of all that counts
  const next = await own.killed();
  assert.deepEqual(next.serviceIds().sort(), ["later", "old"]);
  assert.deepEqual(next.registry.state.service("old")?.Tags, ["kept"]);
});

test("a removal that is acknowledged while or after another was refused holds, with all that belongs to it", async () => {
  const own = await new Agent().start();
  await own.service({ Name: "web", Check: { TTL: "1m" } });
  await own.service({ Name: "other", Check: { TTL: "1m" } });
  const { service } = readServiceRegistration(JSON.stringify({ Name: "web-sidecar-proxy" }));
  const common = { checkTypes: [], token: "", source: "remote", persist: true, replaceExistingChecks: false } as const;
  await own.registry.addService({ ...common, service: { ...service, LocallyRegisteredAsSidecar: true } });
  own.disk.before = (operation, path) => {
    if (operation === "write") throw new DiskError("write", path, "ENOSPC");
  };
  await assert.rejects(own.registry.removeService("web"));
  const first = own.registry.removeService("other");
  const second = own.registry.removeService("other");
  for (const result of await Promise.allSettled([first, second])) assert.equal(result.status, "rejected");
  own.disk.before = () => {};
  await own.registry.removeService("web");
  await own.registry.removeService("other");
  await own.service({ Name: "web" });
  await own.service({ Name: "other" });
  const next = await own.killed();
  assert.deepEqual(next.serviceIds().sort(), ["other", "web"]);
  assert.deepEqual(next.statuses(), {});
});

test("a removal that is acknowledged after one that was refused holds", async () => {
  const own = await new Agent().start();
  await own.service({ Name: "web", Check: { TTL: "1m" } });
  own.disk.before = (operation, path) => {
    if (operation === "write") throw new DiskError("write", path, "ENOSPC");
  };
  await assert.rejects(own.registry.removeService("web"));
  own.disk.before = () => {};
  await own.registry.removeService("web");
  const next = await own.killed();
  assert.deepEqual(next.serviceIds(), []);
  assert.deepEqual(next.statuses(), {});
});
