import { agentServiceContracts, type HealthCheck, type NodeService, parseGoDuration } from "@tribune/api";
import { AGENT_SERVICE } from "../lib/bexpr/filter-types.ts";
import { TribuneError } from "../lib/errors.ts";
import { fnv1a64 } from "../lib/fnv.ts";
import { parseGoBool } from "../lib/go-bool.ts";
import { stringifyGo } from "../lib/go-json.ts";
import { parseUint64 } from "../lib/go-number.ts";
import { goQuote } from "../lib/go-quote.ts";
import type { AgentApi } from "./agent-api.ts";
import type { Hashed } from "./agent-local-api.ts";
import { agentService, aggregatedStatus, type HealthStatus, healthCode, healthOfCheck } from "./agent-shapes.ts";
import { type Answer, empty } from "./answer.ts";
import { type Bindings, bind, type HttpView } from "./binding.ts";
import { rowFilter } from "./filter-rows.ts";
import { type JsonTexts, jsonTexts, listTexts, mapTexts } from "./json-texts.ts";

type Shown = Readonly<Record<string, unknown>>;

/** Filtered between two looks at the clock: each is put together before its fields can be asked for. */
const FILTERED_A_STEP = 256;

function* servicesTexts(
  services: readonly NodeService[],
  datacenter: string,
  selects: ((value: Shown) => boolean) | undefined,
): JsonTexts {
  const chosen: [string, NodeService][] = [];
  for (const [at, service] of services.entries()) {
    if (selects === undefined || selects(agentService(service, datacenter))) chosen.push([service.ID, service]);
    if (selects !== undefined && at % FILTERED_A_STEP === FILTERED_A_STEP - 1) yield "";
  }
  yield* mapTexts(chosen, (service) => stringifyGo(agentService(service, datacenter)));
}

export const agentServiceEndpoints = bind(agentServiceContracts, {
  agentServices: {
    answer({ filter }, _http, agent) {
      const selects = rowFilter(filter, AGENT_SERVICE);
      const services = [...agent.services.all()];
      return jsonTexts(() => servicesTexts(services, agent.datacenter, selects));
    },
  },
  agentService: {
    async answer({ id, hash }, http, agent): Promise<Answer> {
      const waitMs = waitOf(http);
      const read = (): Hashed<Shown | undefined> => {
        const service = agent.services.find(id);
        if (service === undefined) return { hash: "", value: undefined };
        const value = agentService(service, agent.datacenter);
        return { hash: fnv1a64(stringifyGo({ ...value, Datacenter: "" })), value };
      };
      const found = await agent.services.waitFor(id, { hash, waitMs, read, onGone: (run) => http.onGone(run) });
      if (found.value === undefined) return { kind: "text", status: 404, text: `unknown service ID: ${id}` };
      return {
        kind: "json",
        value: withHash(found.value, found.hash),
        headers: ["X-Consul-Contenthash", found.hash],
      };
    },
  },
  agentServiceHealthById: {
    answer({ id }, http, agent): Answer {
      if (id === "") throw TribuneError.internal("Bad request: Missing serviceID");
      const service = agent.services.find(id);
      if (service !== undefined) {
        const health = healthOf(service, agent);
        const { status } = health;
        return healthAnswer(http, healthCode(status), status, () => healthTexts(health, agent.datacenter));
      }
      const reason = `ServiceId ${id} not found`;
      const value = wantsText(http) ? reason : { AggregatedStatus: "critical", Service: null, Checks: null };
      return { kind: "json", status: 404, value, headers: reasonHeader(reason) };
    },
  },
  agentServiceHealthByName: {
    answer({ name }, http, agent): Answer {
      if (name === "") throw TribuneError.internal("Bad request: Missing service Name");
      let code = 404;
      let reason = `ServiceName ${name} Not Found`;
      const all: Health[] = [];
      for (const service of agent.services.all()) {
        if (service.Service !== name) continue;
        const health = healthOf(service, agent);
        all.push(health);
        const { status } = health;
        const own = healthCode(status);
        // The codes grow with the trouble.
        if (code === 404 || own > code) {
          code = own;
          reason = status;
        }
      }
      return healthAnswer(http, code, reason, () => healthListTexts(all, agent.datacenter));
    },
  },
  agentServiceRegister: {
    async answer({ definition }, http, agent) {
      const replace = http.query.get("replace-existing-checks");
      const replaceExistingChecks = http.query.has("replace-existing-checks") && (replace === "" || replace === "true");
      await agent.services.register(Buffer.from(definition).toString("utf8"), {
        token: http.token,
        replaceExistingChecks,
      });
      return empty();
    },
  },
  agentServiceDeregister: {
    async answer({ id }, _http, agent) {
      await agent.services.deregister(id);
      return empty();
    },
  },
  agentServiceMaintenance: {
    async answer({ id, reason }, http, agent) {
      if (id === "") throw TribuneError.badRequest("Missing service ID");
      if (enableOf(http)) await agent.services.enableMaintenance(id, reason, http.token);
      else await agent.services.disableMaintenance(id);
      return empty();
    },
  },
} satisfies Bindings<typeof agentServiceContracts>);

/** What maintenance endpoints are told to do. @throws TribuneError with Consul's text */
export function enableOf({ query }: HttpView): boolean {
  if (!query.has("enable")) throw TribuneError.badRequest("Missing value for enable");
  const raw = query.get("enable");
  const enable = parseGoBool(raw);
  if (enable === undefined) throw TribuneError.badRequest(`Invalid value for enable: ${goQuote(raw)}`);
  return enable;
}

/** Milliseconds of `?wait=`; 0 without. `?index=` means nothing here and is refused all the same when it is none. */
function waitOf({ query }: HttpView): number {
  const wait = query.get("wait");
  const waitNs = wait === "" ? 0 : parseGoDuration(wait);
  if (waitNs === undefined) throw TribuneError.badRequest("Invalid wait time");
  const index = query.get("index");
  if (index !== "" && parseUint64(index).fault !== undefined) throw TribuneError.badRequest("Invalid index");
  return waitNs / 1e6;
}

/** The hash stands where the client's struct has it. */
function withHash({ Proxy: proxy, Connect, Datacenter, ...before }: Shown, ContentHash: string): Shown {
  return { ...before, ContentHash, Proxy: proxy, Connect, Datacenter };
}

interface Health {
  readonly status: HealthStatus;
  readonly service: NodeService;
  readonly checks: readonly HealthCheck[];
}

function healthOf(service: NodeService, agent: AgentApi): Health {
  const checks = agent.services.checksOf(service.ID);
  return { status: aggregatedStatus(checks), service, checks };
}

function* healthTexts({ status, service, checks }: Health, datacenter: string): JsonTexts {
  const shown = stringifyGo({ AggregatedStatus: status, Service: agentService(service, datacenter) });
  yield `${shown.slice(0, -1)},"Checks":`;
  yield* listTexts(checks, (check) => stringifyGo(healthOfCheck(check)));
  yield "}";
}

function* healthListTexts(all: readonly Health[], datacenter: string): JsonTexts {
  if (all.length === 0) return yield "[]";
  for (const [at, health] of all.entries()) {
    yield at === 0 ? "[" : ",";
    yield* healthTexts(health, datacenter);
  }
  yield "]";
}

function healthAnswer(http: HttpView, status: number, reason: string, texts: () => JsonTexts): Answer {
  const headers = reasonHeader(reason);
  return wantsText(http)
    ? { kind: "text", status, text: reason, contentType: "text/plain", headers }
    : jsonTexts(texts, { status, headers });
}

function wantsText(http: HttpView): boolean {
  return http.header("accept").startsWith("text/plain") || http.query.get("format") === "text";
}

/** A name from the URL may hold what no header can: such characters become blanks. */
function reasonHeader(reason: string): readonly string[] {
  if (reason === "") return [];
  const bytes = Buffer.from(reason).toString("latin1");
  return ["X-Consul-Reason", bytes.replace(/[^\x20-\x7e\x80-\xff]/g, " ")];
}
