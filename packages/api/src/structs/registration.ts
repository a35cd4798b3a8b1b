/**
 * What `/v1/agent` takes. The agent reads these bodies itself, as leniently as Consul does (`check_id` for `CheckID`,
 * numbers for durations); this is the form to write.
 */
import { any, bool, durationText, type Infer, int, list, map, nullable, struct, text } from "../schema.ts";
import { ConnectProxyConfig, ServiceAddress, Weights } from "./service.ts";

const check = {
  Name: text,
  Notes: text,
  Status: text,
  ScriptArgs: list(text),
  DockerContainerID: text,
  Shell: text,
  HTTP: text,
  Method: text,
  Header: map(list(text)),
  Body: text,
  DisableRedirects: bool,
  TLSServerName: text,
  TLSSkipVerify: bool,
  TCP: text,
  GRPC: text,
  GRPCUseTLS: bool,
  H2PING: text,
  AliasNode: text,
  AliasService: text,
  TTL: durationText,
  Interval: durationText,
  Timeout: durationText,
  DeregisterCriticalServiceAfter: durationText,
  SuccessBeforePassing: int,
  FailuresBeforeCritical: int,
  OutputMaxSize: int,
};

export const AgentServiceCheck = struct("AgentServiceCheck", { CheckID: text, ...check });
export const AgentCheckRegistration = struct("AgentCheckRegistration", { ID: text, ServiceID: text, ...check });
export type AgentCheckRegistration = Infer<typeof AgentCheckRegistration>;

export const AgentServiceRegistration = struct("AgentServiceRegistration", {
  Kind: text,
  ID: text,
  Name: text,
  Tags: list(text),
  Meta: map(text),
  Address: text,
  Port: int,
  SocketPath: text,
  TaggedAddresses: map(ServiceAddress),
  EnableTagOverride: bool,
  Weights: nullable(Weights),
  Check: nullable(AgentServiceCheck),
  Checks: list(AgentServiceCheck),
  Proxy: nullable(ConnectProxyConfig),
  Connect: struct("AgentServiceConnectRegistration", {
    Native: bool,
    /** A registration of its own. */
    SidecarService: any,
  }),
});
export type AgentServiceRegistration = Infer<typeof AgentServiceRegistration>;

export const AgentCheckReport = struct("AgentCheckReport", { Status: text, Output: text });
export const AgentTokenUpdate = struct("AgentTokenUpdate", { Token: text });
