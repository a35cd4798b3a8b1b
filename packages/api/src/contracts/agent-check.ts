import { inPath, inQuery, jsonBytes, local } from "../contract.ts";
import { AgentCheckRegistration, AgentCheckReport } from "../structs/registration.ts";

const write = { by: "require", resource: "service", access: "write" } as const;
const BODY_BYTES_MAX = 4 << 20;

const report = (status: "pass" | "warn" | "fail", summary: string) =>
  local({
    http: `PUT /v1/agent/check/${status}/:id`,
    namespaced: true,
    parameters: { id: inPath("ID of the check"), note: inQuery("Shown as the output of the check") },
    acl: write,
    summary,
    answers: "Nothing",
  });

/** Checks that this agent runs or is told about. */
export const agentCheckContracts = {
  agentChecks: local({
    http: "GET /v1/agent/checks",
    namespaced: true,
    parameters: { filter: inQuery("Expression that selects checks") },
    acl: { by: "filter" },
    summary: "Checks of this agent by ID",
    answers: "AgentChecks",
  }),
  agentCheckRegister: local({
    http: "PUT /v1/agent/check/register",
    namespaced: true,
    parameters: { definition: jsonBytes(AgentCheckRegistration, "Check definition", { bytesMax: BODY_BYTES_MAX }) },
    acl: write,
    summary: "Register a check of the node or of a service",
    answers: "Nothing",
  }),
  agentCheckDeregister: local({
    http: "PUT /v1/agent/check/deregister/:id",
    namespaced: true,
    parameters: { id: inPath("ID of the check") },
    acl: write,
    summary: "Remove a check",
    answers: "Nothing",
  }),
  agentCheckPass: report("pass", "Report a TTL check as passing"),
  agentCheckWarn: report("warn", "Report a TTL check as warning"),
  agentCheckFail: report("fail", "Report a TTL check as critical"),
  agentCheckUpdate: local({
    http: "PUT /v1/agent/check/update/:id",
    namespaced: true,
    parameters: {
      id: inPath("ID of the check"),
      report: jsonBytes(AgentCheckReport, "Status and output", { bytesMax: BODY_BYTES_MAX }),
    },
    acl: write,
    summary: "Report status and output of a TTL check",
    answers: "Nothing",
  }),
};
