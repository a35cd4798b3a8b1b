// The load of the kill -9 test. Each worker writes things that nobody else touches, remembers what was acknowledged,
// what was under way when the server died, and what a reader was shown; `verify` asks a restarted server for them.
import { get, getJson, put, until } from "./agent-process.mjs";

/** A thing with one value. A write under way at the kill may have happened or not; everything else is certain. */
class Cell {
  /** Undefined: it does not exist. */
  certain = undefined;
  /** Possible values besides: at most one write is under way. */
  pending = [];

  async write(worker, value, send) {
    this.pending = [value];
    const { status, text } = await send();
    if (status !== 200 || text.trim() === "false") throw new Error(`refused: ${status} ${text}`);
    this.certain = value;
    this.pending = [];
    worker.acknowledged++;
  }

  /** A reader was shown this value: it must stay. */
  saw(value) {
    if (!this.pending.includes(value)) return;
    this.certain = value;
  }

  /** @returns {string[]} the problem, if `actual` cannot be */
  settle(name, actual) {
    const allowed = [this.certain, ...this.pending];
    if (!allowed.includes(actual)) return [`${name} is ${actual}, must be ${[...new Set(allowed)].join(" or ")}`];
    this.certain = actual;
    this.pending = [];
    return [];
  }
}

class Worker {
  acknowledged = 0;
  constructor(name, random) {
    this.name = name;
    this.random = random;
    this.counter = 0;
  }

  /** Steps until the server is gone. */
  async load(agent, load) {
    while (load.on) {
      try {
        await this.step(agent);
      } catch (error) {
        // The kill breaks requests under way; a refusal from a living server would be a fault of its own.
        if (load.on && !isBroken(error)) throw error;
        return;
      }
    }
  }

  pick(list) {
    return list[Math.floor(this.random() * list.length)];
  }

  async verify(agent) {
    const found = [];
    for (const [name, cell] of this.cells)
      found.push(...cell.settle(`${this.name} ${name}`, await this.read(agent, name)));
    return found;
  }

  cellMap(names) {
    this.cells = new Map(names.map((name) => [name, new Cell()]));
  }
}

/** Keys whose value counts up, now and then deleted. */
class KvWorker extends Worker {
  constructor(name, random) {
    super(name, random);
    this.cellMap(Array.from({ length: 20 }, (_, at) => `kill/${name}/${at}`));
  }

  async step(agent) {
    const [key, cell] = this.pick([...this.cells]);
    if (cell.certain !== undefined && this.random() < 0.1) {
      await cell.write(this, undefined, () => agentDelete(agent, `/v1/kv/${key}`));
      return;
    }
    const value = String(++this.counter);
    await cell.write(this, value, () => put(agent, `/v1/kv/${key}`, value));
  }

  async read(agent, key) {
    const { status, text } = await get(agent, `/v1/kv/${key}?raw`);
    if (status !== 200 && status !== 404) throw new Error(`GET ${key}: ${status} ${text}`);
    return status === 404 ? undefined : text;
  }
}

/** Reads what the others write: a value that somebody was shown may not vanish. */
class KvReader extends Worker {
  constructor(name, random, writers) {
    super(name, random);
    this.writers = writers;
    this.cells = new Map();
  }

  async step(agent) {
    const writer = this.pick(this.writers);
    const [key, cell] = this.pick([...writer.cells]);
    const value = await writer.read(agent, key);
    if (value !== undefined) cell.saw(value);
  }
}

/** Four keys set in one transaction: all or none. */
class TxnWorker extends Worker {
  constructor(name, random) {
    super(name, random);
    this.cellMap(["group"]);
  }

  async step(agent) {
    const value = String(++this.counter);
    const ops = [0, 1, 2, 3].map((at) => ({
      KV: { Verb: "set", Key: `kill/txn/${at}`, Value: Buffer.from(value).toString("base64") },
    }));
    await this.cells.get("group").write(this, value, () => put(agent, "/v1/txn", ops));
  }

  async read(agent) {
    const { status, text } = await get(agent, "/v1/kv/kill/txn/?recurse");
    if (status === 404) return undefined;
    const values = JSON.parse(text).map(({ Value }) => Buffer.from(Value, "base64").toString());
    return values.length === 4 && new Set(values).size === 1 ? values[0] : `a torn group ${values}`;
  }
}

/** A session that takes and releases a lock. */
class LockWorker extends Worker {
  session = undefined;
  constructor(name, random) {
    super(name, random);
    this.cellMap(["lock"]);
  }

  async step(agent) {
    if (this.session === undefined) {
      const { text } = await put(agent, "/v1/session/create", { Name: "kill", LockDelay: "1ms" });
      this.session = JSON.parse(text).ID;
      this.acknowledged++;
      return;
    }
    const cell = this.cells.get("lock");
    const [verb, next] = cell.certain === undefined ? ["acquire", this.session] : ["release", undefined];
    await cell.write(this, next, () => put(agent, `/v1/kv/kill/lock?${verb}=${this.session}`, "holder"));
  }

  async verify(agent) {
    if (this.session === undefined) return [];
    const found = await getJson(agent, `/v1/session/info/${this.session}`);
    if (found.length === 0) return [`session ${this.session} is gone`];
    return super.verify(agent);
  }

  async read(agent) {
    const { status, text } = await get(agent, "/v1/kv/kill/lock");
    return status === 404 ? undefined : JSON.parse(text)[0].Session;
  }
}

/** Foreign nodes with a service and a check in the catalog. */
class CatalogWorker extends Worker {
  constructor(name, random) {
    super(name, random);
    this.cellMap(Array.from({ length: 10 }, (_, at) => `kill-node-${at}`));
  }

  async step(agent) {
    const [node, cell] = this.pick([...this.cells]);
    if (cell.certain !== undefined && this.random() < 0.2) {
      await cell.write(this, undefined, () => put(agent, "/v1/catalog/deregister", { Node: node }));
      return;
    }
    const value = String(++this.counter);
    const body = {
      Node: node,
      Address: "10.0.0.1",
      Service: { Service: "kill-catalog", ID: node, Port: 80, Meta: { n: value } },
      Check: { Name: "c", CheckID: "c", ServiceID: node, Status: "passing", Output: value },
    };
    await cell.write(this, value, () => put(agent, "/v1/catalog/register", body));
  }

  async read(agent, node) {
    const [instance] = (await getJson(agent, "/v1/health/service/kill-catalog")).filter(
      ({ Node }) => Node.Node === node,
    );
    if (instance === undefined) return undefined;
    const [meta, output] = [instance.Service.Meta.n, instance.Checks[0]?.Output];
    return meta === output ? meta : `service ${meta} with check ${output}`;
  }
}

/** Services of the agent itself, each with a TTL check whose status changes. */
class LocalServiceWorker extends Worker {
  constructor(name, random) {
    super(name, random);
    this.cellMap(Array.from({ length: 8 }, (_, at) => `kill-local-${at}`));
    this.statuses = new Map([...this.cells.keys()].map((id) => [id, new Cell()]));
  }

  async step(agent) {
    const [id, cell] = this.pick([...this.cells]);
    const status = this.statuses.get(id);
    if (cell.certain !== undefined && this.random() < 0.6) {
      const next = this.pick(["passing", "warning", "critical"]);
      const body = { Status: next, Output: String(++this.counter) };
      await status.write(this, next, () => put(agent, `/v1/agent/check/update/service:${id}`, body));
      return;
    }
    if (cell.certain !== undefined && this.random() < 0.3) {
      await cell.write(this, undefined, () => put(agent, `/v1/agent/service/deregister/${id}`));
      status.certain = undefined;
      return;
    }
    const value = String(++this.counter);
    const body = { ID: id, Name: "kill-local", Meta: { n: value }, Check: { TTL: "24h", Status: "critical" } };
    if (status.certain === undefined) status.pending = ["critical"];
    await cell.write(this, value, () => put(agent, "/v1/agent/service/register", body));
    status.certain ??= "critical";
    status.pending = [];
  }

  async verify(agent) {
    const services = await getJson(agent, "/v1/agent/services");
    const checks = await getJson(agent, "/v1/agent/checks");
    const found = [];
    for (const [id, cell] of this.cells) {
      found.push(...cell.settle(`service ${id}`, services[id]?.Meta.n));
      const status = this.statuses.get(id);
      if (cell.certain === undefined) {
        if (checks[`service:${id}`] !== undefined) found.push(`check of ${id} outlived its service`);
        this.statuses.set(id, new Cell());
      } else found.push(...status.settle(`status of ${id}`, checks[`service:${id}`]?.Status));
    }
    if (found.length > 0) return found;
    // And the catalog comes to agree with the agent.
    const wanted = () =>
      JSON.stringify(
        [...this.cells]
          .flatMap(([id, { certain }]) => (certain === undefined ? [] : [[id, certain, this.statuses.get(id).certain]]))
          .sort(),
      );
    let listed;
    try {
      await until(
        async () => {
          const rows = await getJson(agent, "/v1/health/service/kill-local");
          listed = JSON.stringify(
            rows
              .map(({ Service, Checks }) => [
                Service.ID,
                Service.Meta.n,
                Checks.find(({ ServiceID }) => ServiceID === Service.ID)?.Status,
              ])
              .sort(),
          );
          return listed === wanted();
        },
        () => `the catalog lists ${listed}, the agent has ${wanted()}`,
      );
    } catch (error) {
      return [error.message];
    }
    return [];
  }
}

/** X-Consul-Index may never go back, not even over a restart. */
class IndexWatcher extends Worker {
  cells = new Map();
  seen = new Map();
  paths = [
    "/v1/kv/kill/?recurse",
    "/v1/catalog/services",
    "/v1/session/list",
    "/v1/health/service/kill-catalog",
    "/v1/catalog/nodes",
  ];

  async look(agent, path) {
    const index = Number((await get(agent, path)).headers.get("x-consul-index"));
    const before = this.seen.get(path) ?? 0;
    if (index < before) this.wentBack = [`index of ${path} went back from ${before} to ${index}`];
    else this.seen.set(path, index);
  }

  async step(agent) {
    await this.look(agent, this.pick(this.paths));
  }

  async verify(agent) {
    for (const path of this.paths) await this.look(agent, path);
    const found = this.wentBack ?? [];
    this.wentBack = undefined;
    return found;
  }
}

/** The connection went, or the dying server said that it could not answer. */
function isBroken(error) {
  return (error instanceof TypeError && error.cause !== undefined) || /refused: 5/.test(error.message);
}

function agentDelete(agent, path) {
  return fetch(`${agent.url}${path}`, { method: "DELETE" }).then(async (response) => ({
    status: response.status,
    text: await response.text(),
  }));
}

export function makeWorkers(random) {
  const writers = Array.from({ length: 12 }, (_, at) => new KvWorker(`kv${at}`, random));
  return [
    ...writers,
    new KvReader("reader", random, writers),
    new TxnWorker("txn", random),
    new LockWorker("lock", random),
    new CatalogWorker("catalog", random),
    new LocalServiceWorker("local0", random),
    new IndexWatcher("index", random),
  ];
}
