import { agentCheckContracts, type HealthCheck } from "@tribune/api";
import { createLateFilter } from "../lib/bexpr/compile.ts";
import { FilterError } from "../lib/bexpr/expression.ts";
import { HEALTH_CHECK } from "../lib/bexpr/filter-types.ts";
import { compileRe2 } from "../lib/bexpr/re2.ts";
import { TribuneError } from "../lib/errors.ts";
import type { AgentApi } from "./agent-api.ts";
import { empty } from "./answer.ts";
import { type Bindings, bind } from "./binding.ts";
import { jsonTexts, mapTexts } from "./json-texts.ts";
import { checkText } from "./row-text.ts";

const textOf = (body: Uint8Array): string => Buffer.from(body).toString("utf8");

const reports = (status: "passing" | "warning" | "critical") => ({
  async answer({ id, note }: { readonly id: string; readonly note: string }, _http: unknown, agent: AgentApi) {
    await agent.checks.report(id, status, note);
    return empty();
  },
});

export const agentCheckEndpoints = bind(agentCheckContracts, {
  agentChecks: {
    answer({ filter }, _http, agent) {
      const checks = selected(filter, agent.checks.all());
      return jsonTexts(() =>
        mapTexts(
          checks.map((check) => [check.CheckID, check] as const),
          checkText,
        ),
      );
    },
  },
  agentCheckRegister: {
    async answer({ definition }, http, agent) {
      await agent.checks.register(textOf(definition), http.token);
      return empty();
    },
  },
  agentCheckDeregister: {
    async answer({ id }, _http, agent) {
      await agent.checks.deregister(id);
      return empty();
    },
  },
  agentCheckPass: reports("passing"),
  agentCheckWarn: reports("warning"),
  agentCheckFail: reports("critical"),
  agentCheckUpdate: {
    async answer({ id, report }, _http, agent) {
      await agent.checks.reportJson(id, textOf(report));
      return empty();
    },
  },
} satisfies Bindings<typeof agentCheckContracts>);

function selected(expression: string, checks: Iterable<HealthCheck>): readonly HealthCheck[] {
  try {
    const filter = createLateFilter(expression, HEALTH_CHECK, compileRe2);
    return filter === undefined ? [...checks] : [...checks].filter(filter);
  } catch (error) {
    if (error instanceof FilterError) throw TribuneError.internal(error.message, error);
    throw error;
  }
}
