import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualTime } from "../checks/virtual-time.test.support.ts";
import { type Logger, silentLogger } from "../lib/log.ts";
import { type AskCloud, Discovery } from "./discovery.ts";
import { retryJoin } from "./join.ts";

const noCloud: AskCloud = () => Promise.reject(new Error("no cloud here"));

interface Configured {
  readonly retriesMax?: number;
  readonly addresses?: readonly string[];
  readonly askCloud?: AskCloud;
  readonly logger?: Logger;
}

function joining(answers: readonly (number | Error)[], configured: Configured = {}) {
  const { retriesMax = 0, addresses = ["10.0.0.1", "10.0.0.2"] } = configured;
  const { askCloud = noCloud, logger = silentLogger } = configured;
  const time = new VirtualTime();
  const asked: (readonly string[])[] = [];
  const givenUp: Error[] = [];
  const cancel = retryJoin(
    { cluster: "LAN", addresses, intervalMs: 30_000, retriesMax },
    {
      join: (addresses) => {
        const answer = answers[Math.min(asked.length, answers.length - 1)]!;
        asked.push(addresses);
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
      },
      discovery: new Discovery(askCloud, logger),
      timers: time.timers,
      logger,
      onGivenUp: (error) => givenUp.push(error),
    },
  );
  return { time, asked, givenUp, cancel };
}

test("joining goes on until somebody answers, and no further", async () => {
  const { time, asked, givenUp } = joining([new Error("refused"), new Error("refused"), 1]);
  await time.advance(29_000);
  assert.deepEqual(asked, [["10.0.0.1", "10.0.0.2"]]);
  await time.advance(300_000);
  assert.equal(asked.length, 3);
  assert.equal(time.pendingTimers, 0);
  assert.deepEqual(givenUp, []);
});

test("after the last retry the agent is told to end: `retry_max` does not count the first attempt", async () => {
  const { time, asked, givenUp } = joining([new Error("refused")], { retriesMax: 2 });
  await time.advance(300_000);
  assert.equal(asked.length, 3);
  assert.deepEqual(givenUp.map(String), ["Error: agent: max join LAN retry exhausted, exiting"]);
});

test("a cancelled join does not go on", async () => {
  const { time, asked, cancel } = joining([new Error("refused")]);
  await time.advance(0);
  cancel();
  await time.advance(300_000);
  assert.equal(asked.length, 1);
  assert.equal(time.pendingTimers, 0);
});

test("a cloud is asked anew for each attempt, and its answer joined with the other addresses", async () => {
  let questions = 0;
  const askCloud: AskCloud = (text) => {
    assert.equal(text, "provider=aws tag_key=consul");
    return Promise.resolve(questions++ === 0 ? [] : ["10.1.0.1", "10.1.0.2"]);
  };
  const addresses = ["provider=aws tag_key=consul", "10.0.0.9:8301"];
  const { time, asked } = joining([new Error("refused"), 2], { addresses, askCloud });
  await time.advance(300_000);
  assert.deepEqual(asked, [["10.0.0.9:8301"], ["10.1.0.1", "10.1.0.2", "10.0.0.9:8301"]]);
});

test("nothing found is an attempt, and no join", async () => {
  const { time, asked, givenUp } = joining([1], { addresses: ["provider=aws tag_key=x"], retriesMax: 3 });
  await time.advance(300_000);
  assert.deepEqual(asked, []);
  assert.equal(givenUp.length, 1);
});

test("nothing that is logged has a secret of the expression in it", async () => {
  const lines: string[] = [];
  const write = (message: string, fields: object = {}): void => void lines.push(message + JSON.stringify(fields));
  const logger: Logger = { ...silentLogger, debug: write, info: write, warn: write, error: write, named: () => logger };
  const addresses = [
    'provider=aws tag_value="my servers" secret_access_key="two words="',
    'provider=os password=pw"x',
    "provider = aws secret_access_key = two",
  ];
  const { time } = joining([1], { addresses, logger });
  await time.advance(100_000);
  const text = lines.join("\n");
  assert.match(text, /Cannot discover address/);
  assert.match(text, /secret_access_key=hidden/);
  assert.match(text, /my servers/);
  assert.doesNotMatch(text, /two|words|pw/);
});
