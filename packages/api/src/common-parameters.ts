import { ANSWERS } from "./answers.ts";
import { type AnyContract, durationQuery, flag, inQuery, type Parameter, u64Query } from "./contract.ts";

/** Parameters that mean the same wherever they are honoured. */
export const COMMON_PARAMETERS = {
  dc: inQuery("Datacenter that answers; the agent's own when absent"),
  index: u64Query("Wait until the answer is newer than this X-Consul-Index; 0 answers at once"),
  wait: durationQuery("How long to wait at the most, as `10s`; 5m when absent, 10m at the most"),
  stale: flag("Any server may answer, without asking the leader"),
  consistent: flag("The leader makes sure that it still leads before it answers"),
  maxStale: durationQuery("As `stale`, unless the server heard from the leader longer ago than this", {
    name: "max_stale",
  }),
  cached: flag("Answer from the agent's cache, which X-Cache and Age tell about"),
  pretty: flag("Indent the JSON"),
} as const satisfies Readonly<Record<string, Parameter<any, any>>>;

export type CommonName = keyof typeof COMMON_PARAMETERS;

const CONSISTENCY = ["dc", "stale", "consistent", "maxStale"] as const;

/** Which common parameters an endpoint honours, in the order of `COMMON_PARAMETERS`. */
export function commonParametersOf(contract: AnyContract): readonly CommonName[] {
  const honoured = new Set<CommonName>(contract.kind === "local" ? contract.honours : ["dc"]);
  if (contract.kind === "read") {
    for (const name of CONSISTENCY) honoured.add(name);
    if (contract.blocking) honoured.add("index").add("wait");
    if (contract.cacheable === true) honoured.add("cached");
  }
  if (contract.kind === "call") {
    if (contract.queryOptions === true) for (const name of CONSISTENCY) honoured.add(name);
    if (contract.cacheable === true) honoured.add("cached");
  }
  if (contract.kind === "local" && contract.hashBlocking === true) honoured.add("wait");
  if (ANSWERS[contract.answers].body === "json") honoured.add("pretty");
  return (Object.keys(COMMON_PARAMETERS) as CommonName[]).filter((name) => honoured.has(name));
}
