import { agentContracts } from "@tribune/api";
import { MEMBER } from "../lib/bexpr/filter-types.ts";
import { TribuneError } from "../lib/errors.ts";
import { JsonError, parseJson } from "../lib/go-json-parse.ts";
import { parseLogLevel } from "../lib/logger/levels.ts";
import { CONSUL_VERSION } from "../lib/version.ts";
import type { Member } from "./agent-local-api.ts";
import { followMetrics } from "./agent-metrics-stream.ts";
import { followLog } from "./agent-monitor.ts";
import { enableOf } from "./agent-service.ts";
import { type Answer, empty, json, text } from "./answer.ts";
import { type Bindings, bind } from "./binding.ts";
import { filterRows } from "./filter-rows.ts";

/** Versions of Envoy that the xDS of this Consul version is made for. */
const ENVOY_VERSIONS = ["1.20.2", "1.18.6", "1.17.4", "1.16.5", "1.15.5"];
const ALL_SEGMENTS = "_all";

export const agentEndpoints = bind(agentContracts, {
  agentSelf: {
    answer(_values, _http, agent) {
      const { config, debugConfig, coordinate, member, stats, meta } = agent.info.self();
      return json({
        Config: config,
        DebugConfig: debugConfig,
        Coord: coordinate ?? null,
        Member: member,
        Stats: stats,
        Meta: meta,
        xDS: { SupportedProxies: { envoy: ENVOY_VERSIONS } },
      });
    },
  },
  agentVersion: {
    answer: () => json({ SHA: "", BuildDate: "1970-01-01T00:00:01Z", HumanVersion: CONSUL_VERSION, FIPS: "" }),
  },
  agentMembers: {
    answer({ wan, segment, filter }, _http, agent) {
      const shown = (members: readonly Member[]) => json(filterRows(filter, MEMBER, members));
      if (wan !== "") {
        if (segment !== "" && segment !== ALL_SEGMENTS) return text(400, "Cannot provide a segment with wan=true");
        const members = agent.info.wanMembers();
        return members === undefined ? json(null) : shown(members);
      }
      if (segment !== "" && segment !== ALL_SEGMENTS) throw TribuneError.internal(agent.info.noSegment(segment));
      return shown(agent.info.lanMembers());
    },
  },
  agentHost: {
    answer: async (_values, _http, agent) => json(await agent.info.host()),
  },
  agentMetrics: {
    answer({ format }, http, agent): Answer {
      if (format !== "prometheus" && !takesOpenMetrics(http.header("accept"))) return json(agent.metrics.summary());
      const found = agent.metrics.prometheus();
      if (found === undefined) return text(415, "Prometheus is not enabled since its retention time is not positive");
      return { kind: "text", text: found.text, contentType: found.contentType };
    },
  },
  agentMetricsStream: {
    answer(_values, _http, { metrics }): Answer {
      metrics.summary(); // refuses where none is kept, before anything is sent
      return { kind: "stream", contentType: "application/json", start: followMetrics((run) => metrics.follow(run)) };
    },
  },
  agentMonitor: {
    answer({ loglevel, logjson }, _http, agent): Answer {
      const level = parseLogLevel(loglevel === "" ? "INFO" : loglevel);
      if (level === undefined) throw TribuneError.badRequest(`Bad request: Unknown log level: ${loglevel}`);
      const subscription = agent.monitor.subscribe(level, logjson);
      return {
        kind: "stream",
        start: (sink) => followLog(subscription, sink, (lines) => agent.monitor.dropped(lines)),
      };
    },
  },
  agentReloadReport: {
    async answer(_values, _http, agent) {
      const { applied, needsRestart, unchanged } = await agent.lifecycle.reload();
      return json({ Applied: applied, NeedsRestart: needsRestart, Unchanged: unchanged });
    },
  },
  agentReload: { answer: (_values, _http, agent) => done(agent.lifecycle.reload()) },
  agentLeave: { answer: (_values, _http, agent) => done(agent.lifecycle.leave()) },
  agentJoin: { answer: ({ address, wan }, _http, agent) => done(agent.lifecycle.join(address, wan !== "")) },
  agentForceLeave: { answer: ({ name, prune }, _http, agent) => done(agent.lifecycle.forceLeave(name, prune)) },
  agentMaintenance: {
    answer({ reason }, http, { lifecycle }) {
      return done(enableOf(http) ? lifecycle.enableMaintenance(reason, http.token) : lifecycle.disableMaintenance());
    },
  },
  agentToken: {
    answer({ kind, token }, _http, agent) {
      if (!agent.tokens.enabled) return text(401, "ACL support disabled");
      return done(agent.tokens.update(kind, tokenIn(token)));
    },
  },
} satisfies Bindings<typeof agentContracts>);

async function done(work: Promise<unknown>): Promise<Answer> {
  await work;
  return empty();
}

/** Whether an Accept header asks for a format that Prometheus reads, by Consul's rule. */
export function takesOpenMetrics(accept: string): boolean {
  return accept.split(",").some((range) => {
    const [type = "", parameter = ""] = range.split(";").map((part) => part.trim());
    if (type.toLowerCase() === "application/openmetrics-text") return true;
    return type.toLowerCase() === "text/plain" && parameter === "version=0.4.0";
  });
}

function tokenIn(body: Uint8Array): string {
  try {
    const parsed = parseJson(Buffer.from(body).toString("utf8"));
    const fields = typeof parsed === "object" && parsed !== null ? Object.entries(parsed) : [];
    const [, token = ""] = fields.find(([name]) => name.toLowerCase() === "token") ?? [];
    if (typeof token === "string") return token;
    throw new JsonError("json: cannot unmarshal into Go struct field AgentToken.Token of type string");
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw TribuneError.badRequest(`Request decode failed: ${error.message}`);
  }
}
