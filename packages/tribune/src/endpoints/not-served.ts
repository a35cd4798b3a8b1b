import { NOT_SERVED_ROUTES, type NotServedArea, notServedContracts } from "@tribune/api";
import { TribuneError } from "../lib/errors.ts";
import type { AgentApi } from "./agent-api.ts";
import { type Answer, text } from "./answer.ts";
import { bind, type Endpoint, type LocalBinding } from "./binding.ts";

/** What is answered for an area as long as none of it is served. */
const ANSWERS: Readonly<Partial<Record<NotServedArea, (agent: AgentApi) => Answer>>> = {
  // As Consul without ACLs, which is what an agent of this version is.
  acl: () => text(401, "ACL support disabled"),
  "certificate authority": (agent) => {
    if (!agent.connectEnabled) throw TribuneError.internal("Connect must be enabled in order to use this endpoint");
    return refusal("certificate authority");
  },
};

/** Last in the list of endpoints: a route that somebody serves is theirs. */
export const notServedEndpoints: readonly Endpoint[] = (Object.keys(NOT_SERVED_ROUTES) as NotServedArea[]).flatMap(
  (area) => {
    const contracts = notServedContracts(area);
    const answer = ANSWERS[area] ?? (() => refusal(area));
    const binding: LocalBinding<unknown> = { answer: (_values, _http, agent) => answer(agent) };
    return bind(contracts, Object.fromEntries(Object.keys(contracts).map((name) => [name, binding])) as never);
  },
);

/** Consul has no text for this. Not 404, which tools take for an empty answer. */
function refusal(area: NotServedArea): Answer {
  return text(500, `This version of Tribune does not serve this endpoint yet (${area})`);
}
