/** What the compiler must refuse. Nothing here runs: it is checked by building. */
import { test } from "node:test";
import type { ContractClient } from "./contract-client.ts";

export async function compiles(client: ContractClient): Promise<void> {
  const { value, index, knownLeader } = await client.healthService({ service: "web" }, { index: 5, wait: "10s" });
  const address: string | undefined = value?.[0]?.Service?.Address;
  const again: number | bigint | undefined = index;
  const leader: boolean | undefined = knownLeader;
  await client.healthService({ service: "web", passing: true, tag: ["a"], nodeMeta: { rack: "1" } }, { stale: true });
  await client.statusLeader();
  await client.agentServiceRegister({ definition: { Name: "web", Port: 80, Check: { TTL: 10e9 } } });
  await client.kvPut({ key: "a", value: "b", cas: 0 });
  const bytes: Uint8Array | null = (await client.kvValue({ key: "a" })).value;

  // @ts-expect-error a misspelt parameter
  await client.healthService({ service: "web", pasing: true });
  // @ts-expect-error a parameter of another type
  await client.healthService({ service: "web", passing: "yes" });
  // @ts-expect-error a required parameter is missing
  await client.healthService({});
  // @ts-expect-error all arguments are missing
  await client.kvGet();
  // @ts-expect-error a misspelt option
  await client.kvGet({ key: "a" }, { stael: true });
  // @ts-expect-error a misspelt field of a body
  await client.catalogRegister({ registration: { Node: "n", Adress: "10.0.0.1" } });
  // @ts-expect-error an entry that may not be there
  (await client.kvGet({ key: "a" })).value.length;
  // @ts-expect-error no such endpoint
  await client.kvGett({ key: "a" });
  // @ts-expect-error no such field in the answer
  (await client.catalogNodes()).value?.[0]?.Nodee;
  // An answer that is always there needs no question mark.
  const member: string = (await client.agentSelf()).value.Member.Name;
  void [member, address, again, leader, bytes];
}

test("the types above were checked by the compiler", () => {});
