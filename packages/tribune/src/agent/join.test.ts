import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualTime } from "../checks/virtual-time.test.support.ts";
import { silentLogger } from "../lib/log.ts";
import { retryJoin } from "./join.ts";

function joining(answers: readonly (number | Error)[], attemptsMax = 0) {
  const time = new VirtualTime();
  const asked: (readonly string[])[] = [];
  const givenUp: Error[] = [];
  const cancel = retryJoin(
    { addresses: ["10.0.0.1", "10.0.0.2"], intervalMs: 30_000, attemptsMax },
    {
      join: (addresses) => {
        const answer = answers[Math.min(asked.length, answers.length - 1)]!;
        asked.push(addresses);
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
      },
      timers: time.timers,
      logger: silentLogger,
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

test("after the last attempt the agent is told to end", async () => {
  const { time, asked, givenUp } = joining([new Error("refused")], 2);
  await time.advance(300_000);
  assert.equal(asked.length, 2);
  assert.match(String(givenUp[0]), /max join retry exhausted/);
});

test("a cancelled join does not go on", async () => {
  const { time, asked, cancel } = joining([new Error("refused")]);
  await time.advance(0);
  cancel();
  await time.advance(300_000);
  assert.equal(asked.length, 1);
  assert.equal(time.pendingTimers, 0);
});
