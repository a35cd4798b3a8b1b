import assert from "node:assert/strict";
import { test } from "node:test";
import { make, NodeService, ServiceConfigResponse } from "@tribune/api";
import type { Logger } from "../../lib/log.ts";
import { CentralConfig } from "./central-config.ts";

const PROXY = make(NodeService, { Kind: "connect-proxy", ID: "p", Service: "p" });

/** Servers whose answers the test gives, one question at a time. */
function scripted() {
  const asked: { minIndex: number; answer: (reply: ServiceConfigResponse) => void; fail: (error: Error) => void }[] =
    [];
  const merged: NodeService[] = [];
  const timers: (() => void)[] = [];
  const warnings: string[] = [];
  const central = new CentralConfig({
    port: {
      resolve: (_query, minIndex) =>
        new Promise((answer, fail) => {
          asked.push({ minIndex, answer, fail });
        }),
    },
    runtime: {
      timers: {
        after(_ms, run) {
          timers.push(run);
          return () => {};
        },
        soon: (run) => run(),
      },
    },
    logger: { warn: (text: string) => void warnings.push(text) } as unknown as Logger,
    onMerged: (service) => void merged.push(service),
  });
  return { central, asked, merged, timers, warnings };
}
const reply = (Index: number, protocol: string): ServiceConfigResponse =>
  make(ServiceConfigResponse, { Index, ProxyConfig: { protocol } });
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a proxy is put again with each change of the entries, and waits for the next", async () => {
  const { central, asked, merged } = scripted();
  assert.equal(central.follow(PROXY, "", undefined), PROXY);
  asked[0]!.answer(reply(0, "http"));
  await settled();
  assert.equal(asked[1]!.minIndex, 1, "an index of 0 would be answered at once, again and again");
  asked[1]!.answer(reply(7, "grpc"));
  await settled();
  assert.deepEqual(
    merged.map(({ Proxy: { Config } }) => Config),
    [{ protocol: "http" }, { protocol: "grpc" }],
  );
  assert.equal(asked[2]!.minIndex, 7);
});

test("an answer about what is not registered any more changes nothing", async () => {
  const { central, asked, merged } = scripted();
  central.follow(PROXY, "", undefined);
  central.forget(PROXY.ID);
  asked[0]!.answer(reply(5, "http"));
  await settled();
  assert.deepEqual(merged, []);
  assert.equal(asked.length, 1);
});

test("a question that fails is asked again, and a service registered again keeps what is known", async () => {
  const { central, asked, timers, warnings } = scripted();
  central.follow(PROXY, "", reply(3, "http"));
  asked[0]!.fail(new Error("No cluster leader"));
  await settled();
  assert.equal(warnings.length, 1);
  timers[0]!();
  assert.equal(asked[1]!.minIndex, 3);
  assert.deepEqual(central.follow(PROXY, "", undefined).Proxy.Config, { protocol: "http" });
});

test("ordinary services are nobody's to configure", async () => {
  const { central, asked } = scripted();
  const plain = make(NodeService, { ID: "w", Service: "w" });
  assert.equal(await central.ahead(plain, ""), undefined);
  assert.equal(central.follow(plain, "", undefined), plain);
  assert.equal(asked.length, 0);
});
