// A datacenter of real processes: servers and clients, each on an address of its own with Consul's ports.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AgentProcess, until } from "../agent-process.mjs";

export class Cluster {
  /** @type {Map<number, {process: AgentProcess | undefined, address: string, url: string, number: number, server: boolean}>} */
  agents = new Map();
  #options;

  /**
   * @param {{hosts: object, directory: string, servers: number, clients?: number, command?: string[], config?: object, commands?: Record<number, string[]>,
   *   names?: Record<number, string>, configs?: Record<number, object>}} options
   *   `command` is the program to run instead of ours, such as `["/usr/bin/consul"]`; `commands` what single agents run
   */
  constructor(options) {
    this.#options = { clients: 0, config: {}, configs: {}, commands: {}, names: {}, ...options };
  }

  get servers() {
    return [...this.agents.values()].filter(({ server }) => server);
  }
  get clients() {
    return [...this.agents.values()].filter(({ server }) => !server);
  }

  async start() {
    const { hosts, servers, clients } = this.#options;
    for (let number = 1; number <= servers + clients; number++) {
      const { address, wrap } = hosts.add(number);
      this.agents.set(number, { number, address, wrap, url: `http://${address}:8500`, server: number <= servers });
    }
    const { disks } = this.#options;
    if (disks !== undefined) for (const { number } of this.servers) disks.mount(number, this.dataDir(number));
    for (const { number } of this.agents.values()) this.startAgent(number);
    await this.writable();
    return this;
  }

  /** Starts an agent (again) on its data directory. @param {string[]} [command] another program from now on */
  startAgent(number, command = undefined) {
    const { directory, servers, config } = this.#options;
    const agent = this.agents.get(number);
    if (command !== undefined) agent.command = command;
    const program = agent.command ?? this.#options.commands[number] ?? this.#options.command;
    const dataDir = this.dataDir(number);
    mkdirSync(dataDir, { recursive: true });
    const file = join(directory, `agent-${number}.json`);
    const peers = [...this.agents.values()].filter((other) => other.server && other.number !== number);
    writeFileSync(
      file,
      JSON.stringify({
        node_name: this.#options.names[number] ?? `node-${number}`,
        data_dir: dataDir,
        ...(agent.server ? { server: true, bootstrap_expect: servers } : {}),
        retry_join: peers.map(({ address }) => address),
        retry_interval: "1s",
        log_level: "INFO",
        limits: { http_max_conns_per_client: 4000 },
        ...config,
        ...this.#options.configs[number],
      }),
    );
    agent.process = new AgentProcess({
      address: agent.address,
      args: [`-config-file=${file}`],
      wrap: agent.wrap,
      env: this.#options.env?.(number) ?? {},
      ...(program === undefined ? {} : { command: program }),
    });
    return agent;
  }

  dataDir(number) {
    return join(this.#options.directory, `agent-${number}`);
  }

  /** Empties the data directory of an agent that is down. */
  forget(number) {
    rmSync(this.dataDir(number), { recursive: true, force: true });
  }

  async kill(number, signal = "SIGKILL") {
    const agent = this.agents.get(number);
    const exit = await agent.process?.kill(signal);
    agent.process = undefined;
    return exit;
  }

  /** Number of the agent that leads, as most servers see it; undefined without one. */
  async leader() {
    const votes = new Map();
    for (const server of this.servers) {
      if (server.process === undefined) continue;
      const text = await answer(`${server.url}/v1/status/leader`, 1000);
      const host = text === undefined || !text.includes(":") ? undefined : JSON.parse(text).split(":")[0];
      if (host !== undefined) votes.set(host, (votes.get(host) ?? 0) + 1);
    }
    const [most] = [...votes].sort((a, b) => b[1] - a[1]);
    if (most === undefined) return undefined;
    return this.servers.find(({ address }) => address === most[0])?.number;
  }

  /** Waits until a write through some server succeeds. */
  async writable(deadlineMs = 60_000) {
    await until(
      async () => {
        for (const server of this.servers) {
          if (server.process === undefined) continue;
          const response = await fetch(`${server.url}/v1/kv/ready`, {
            method: "PUT",
            body: "yes",
            signal: AbortSignal.timeout(2000),
          }).catch(() => undefined);
          if (response?.ok) return true;
        }
        return false;
      },
      () => `${this.outputs(3000)}\nno write succeeds`,
      deadlineMs,
    );
  }

  outputs(chars) {
    return [...this.agents.values()]
      .map(({ number, process }) => `---- agent ${number}\n${process?.output.slice(-chars) ?? "(down)"}`)
      .join("\n");
  }

  async stop({ keep = false } = {}) {
    const { disks } = this.#options;
    if (disks !== undefined) for (const { number } of this.servers) disks.thaw(number);
    await Promise.all([...this.agents.keys()].map((number) => this.kill(number)));
    this.#options.hosts.close();
    disks?.close();
    if (!keep) rmSync(this.#options.directory, { recursive: true, force: true });
  }
}

async function answer(url, timeoutMs) {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    return response.ok ? await response.text() : undefined;
  } catch {
    return undefined;
  }
}
