/** Agents for the client's tests: ours in this process, and a real Consul's where `CONSUL_BIN` names one. */
import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { type TestContext, test } from "node:test";
import { createClient } from "@tribune/client";
import { type RunningAgent, startAgent } from "./index.ts";

export interface AgentUnderTest {
  readonly url: string;
  /** Ends it without a word; its address stays free for it. */
  away(): Promise<void>;
  /** At the same address, with nothing kept. */
  back(): Promise<void>;
}

/** Runs the same test against every kind of agent there is. */
export function againstAgents(title: string, run: (agent: AgentUnderTest, t: TestContext) => Promise<void>): void {
  const runWith = (start: () => Promise<AgentUnderTest>) => async (t: TestContext) => {
    const agent = await start();
    t.after(() => agent.away());
    await run(agent, t);
  };
  test(`Tribune: ${title}`, runWith(startTribune));
  const binary = process.env.CONSUL_BIN || undefined;
  if (binary === undefined) test(`Consul: ${title}`, { skip: "NO CONSUL: set CONSUL_BIN to run this against it" });
  else
    test(
      `Consul: ${title}`,
      { timeout: 120_000 },
      runWith(() => startConsul(binary)),
    );
}

/** Resolves with the first truth that `ask` answers. @throws after 60 s, with the last error if there was one */
export async function until<T>(what: string, ask: () => Promise<T> | T): Promise<NonNullable<T>> {
  const endMs = performance.now() + 60_000;
  let last: unknown;
  while (performance.now() < endMs) {
    try {
      const found = await ask();
      if (found !== undefined && found !== null && found !== false) return found;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`not within 60 s: ${what}`, { cause: last });
}

async function startTribune(): Promise<AgentUnderTest> {
  let running: RunningAgent | undefined = await startAgent({ config: { node_name: "here" } });
  const { url } = running;
  if (url === undefined) throw new Error("no HTTP");
  return {
    url,
    away: async () => {
      await running?.stop();
      running = undefined;
    },
    back: async () => {
      const config = { node_name: "here", ports: { http: Number(new URL(url).port) } };
      running = await startAgent({ config });
    },
  };
}

async function startConsul(binary: string): Promise<AgentUnderTest> {
  const [http, server, lan, wan] = await freePorts(4);
  const url = `http://127.0.0.1:${http}`;
  const args = [
    ...["agent", "-dev", "-node=here", "-bind=127.0.0.1", "-client=127.0.0.1", `-http-port=${http}`],
    ...[`-server-port=${server}`, `-serf-lan-port=${lan}`, `-serf-wan-port=${wan}`, "-dns-port=-1", "-grpc-port=-1"],
  ];
  let running: ChildProcess | undefined;
  const back = async (): Promise<void> => {
    running = spawn(binary, args, { stdio: "ignore" });
    const client = createClient({ url, retry: false });
    await until("Consul leads and knows itself", async () => (await client.catalogNodes()).value?.length);
  };
  await back();
  return {
    url,
    back,
    away: async () => {
      const child = running;
      running = undefined;
      if (child === undefined) return;
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Ports that nobody has just now; kept until all are found, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { readonly port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
