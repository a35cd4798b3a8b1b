/** Health checks and their definitions. Fields and order are Consul 1.10's. */
import {
  aliased,
  bool,
  called,
  duration,
  durationText,
  type Infer,
  int,
  lenient,
  list,
  map,
  omitEmpty,
  struct,
  text,
  uint,
} from "../schema.ts";
import { raftIndex } from "./common.ts";

export const HealthCheckDefinition = lenient(
  aliased(
    struct("HealthCheckDefinition", {
      HTTP: omitEmpty(text),
      TLSServerName: omitEmpty(text),
      TLSSkipVerify: omitEmpty(bool),
      Header: omitEmpty(map(list(text))),
      Method: omitEmpty(text),
      Body: omitEmpty(text),
      DisableRedirects: omitEmpty(bool),
      TCP: omitEmpty(text),
      H2PING: omitEmpty(text),
      Interval: durationText,
      OutputMaxSize: omitEmpty(uint),
      Timeout: durationText,
      DeregisterCriticalServiceAfter: durationText,
      ScriptArgs: omitEmpty(list(text)),
      DockerContainerID: omitEmpty(text),
      Shell: omitEmpty(text),
      GRPC: omitEmpty(text),
      GRPCUseTLS: omitEmpty(bool),
      AliasNode: omitEmpty(text),
      AliasService: omitEmpty(text),
      TTL: omitEmpty(duration),
    }),
  ),
);
export type HealthCheckDefinition = Infer<typeof HealthCheckDefinition>;

const healthCheck = {
  Node: text,
  CheckID: called("types.CheckID", text),
  Name: text,
  Status: text,
  Notes: text,
  Output: text,
  ServiceID: text,
  ServiceName: text,
  ServiceTags: list(text),
  Type: text,
  Interval: text,
  Timeout: text,
  ExposedPort: int,
  Definition: HealthCheckDefinition,
  ...raftIndex,
};
export const HealthCheck = struct("HealthCheck", healthCheck);
export type HealthCheck = Infer<typeof HealthCheck>;

/** As Go's API client knows it: without what only the agent's own list of checks shows. */
export const ServiceHealthCheck = struct("ServiceHealthCheck", {
  ...healthCheck,
  Interval: omitEmpty(text),
  Timeout: omitEmpty(text),
  ExposedPort: omitEmpty(int),
});

export const CheckType = struct("CheckType", {
  CheckID: text,
  Name: text,
  Status: text,
  Notes: text,
  ScriptArgs: list(text),
  HTTP: text,
  H2PING: text,
  Header: map(list(text)),
  Method: text,
  Body: text,
  DisableRedirects: bool,
  TCP: text,
  Interval: duration,
  AliasNode: text,
  AliasService: text,
  DockerContainerID: text,
  Shell: text,
  GRPC: text,
  GRPCUseTLS: bool,
  TLSServerName: text,
  TLSSkipVerify: bool,
  Timeout: duration,
  TTL: duration,
  SuccessBeforePassing: int,
  FailuresBeforeCritical: int,
  ProxyHTTP: text,
  ProxyGRPC: text,
  DeregisterCriticalServiceAfter: duration,
  OutputMaxSize: int,
});
export type CheckType = Infer<typeof CheckType>;
