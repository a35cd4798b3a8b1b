/** Services and checks of the agent as `/v1/agent` shows them, and what their health amounts to. */
import { AgentService, type HealthCheck, type NodeService, toJson } from "@tribune/api";

/** @returns plain JSON; a field that Go leaves out is not there. */
export function agentService(service: NodeService, datacenter: string): Readonly<Record<string, unknown>> {
  const { Weights, Proxy: proxy, Connect } = service;
  const shown: AgentService = {
    Kind: service.Kind,
    ID: service.ID,
    Service: service.Service,
    Tags: service.Tags ?? [],
    Meta: service.Meta ?? {},
    Port: service.Port,
    Address: service.Address,
    SocketPath: service.SocketPath,
    TaggedAddresses: service.TaggedAddresses,
    Weights: {
      Passing: Weights !== null && Weights.Passing > 0 ? Weights.Passing : 1,
      Warning: Weights === null ? 1 : Weights.Warning,
    },
    EnableTagOverride: service.EnableTagOverride,
    CreateIndex: service.CreateIndex,
    ModifyIndex: service.ModifyIndex,
    ContentHash: "",
    Proxy: hasProxy(service) ? { ...proxy, TransparentProxy: proxyMode(service) } : null,
    Connect: Connect.Native ? { Native: true } : null,
    Datacenter: datacenter,
  };
  return toJson(AgentService, shown) as Readonly<Record<string, unknown>>;
}

function hasProxy({ Kind }: NodeService): boolean {
  return Kind === "connect-proxy" || Kind.endsWith("-gateway");
}

function proxyMode({ Proxy: { TransparentProxy } }: NodeService) {
  const given = TransparentProxy.OutboundListenerPort !== 0 || TransparentProxy.DialedDirectly;
  return given ? TransparentProxy : null;
}

/** How a check was set up is not told here; the client's struct prints its zero value. */
const NO_DEFINITION = {
  Interval: "0s",
  Timeout: "0s",
  DeregisterCriticalServiceAfter: "0s",
  HTTP: "",
  Header: null,
  Method: "",
  Body: "",
  TLSServerName: "",
  TLSSkipVerify: false,
  TCP: "",
  GRPC: "",
  GRPCUseTLS: false,
};

/** The check in `/v1/agent/health/service`, of which Consul fills in only a part. */
export function healthOfCheck(check: HealthCheck): unknown {
  return {
    Node: check.Node,
    CheckID: check.CheckID,
    Name: check.Name,
    Status: check.Status,
    Notes: check.Notes,
    Output: check.Output,
    ServiceID: check.ServiceID,
    ServiceName: check.ServiceName,
    ServiceTags: check.ServiceTags,
    Type: "",
    Definition: NO_DEFINITION,
    CreateIndex: 0,
    ModifyIndex: 0,
  };
}

export type HealthStatus = "passing" | "warning" | "critical" | "maintenance" | "";

/** The worst of all checks; maintenance outdoes them. "" where a check has a status there is not. */
export function aggregatedStatus(checks: readonly HealthCheck[]): HealthStatus {
  let maintenance = false;
  let worst: HealthStatus = "passing";
  for (const { CheckID, Status } of checks) {
    if (CheckID === "_node_maintenance" || CheckID.startsWith("_service_maintenance:")) maintenance = true;
    else if (Status === "critical") worst = "critical";
    else if (Status === "warning") worst = worst === "critical" ? worst : "warning";
    else if (Status !== "passing") return "";
  }
  return maintenance ? "maintenance" : worst;
}

/** HTTP status that tells a load balancer what to do. */
export function healthCode(status: HealthStatus): 200 | 429 | 503 {
  if (status === "passing") return 200;
  return status === "warning" ? 429 : 503;
}
