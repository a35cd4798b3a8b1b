/** Agents for the client's tests: ours in this process, and a real Consul's where `CONSUL_BIN` names one. */
import { type ChildProcess, spawn } from "node:child_process";
import { type TestContext, test } from "node:test";
import { createClient } from "@tribune/client";
import { type RunningAgent, startAgent } from "./index.ts";
import { ownPort } from "./ports.test.support.ts";

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
  let running: RunningAgent | undefined;
  const config = { node_name: "here", ports: { http: await ownPort() } };
  const back = async (): Promise<void> => {
    running = await startAgent({ config });
  };
  await back();
  return {
    url: `http://127.0.0.1:${config.ports.http}`,
    back,
    away: async () => {
      await running?.stop();
      running = undefined;
    },
  };
}

async function startConsul(binary: string): Promise<AgentUnderTest> {
  const [http, server, lan, wan] = [await ownPort(), await ownPort(), await ownPort(), await ownPort()];
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
