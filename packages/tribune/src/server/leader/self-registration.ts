import { HealthCheck, make, NodeService, RegisterRequest, zero } from "@tribune/api";
import type { ServerIdentity } from "../identity.ts";

/** Id and name of the service that stands for the servers themselves. */
export const CONSUL_SERVICE = "consul";
/** The check that gossip keeps: whether the node's agent is alive. */
export const SERF_HEALTH = "serfHealth";

/** What the leader enters for a server that is alive, itself included. */
export function serverRegistration(server: ServerIdentity): RegisterRequest {
  return make(RegisterRequest, {
    Datacenter: server.datacenter,
    ID: server.id,
    Node: server.name,
    Address: server.address,
    TaggedAddresses: server.taggedAddresses,
    NodeMeta: server.meta,
    SkipNodeUpdate: false,
    Service: {
      ...zero(NodeService),
      ID: CONSUL_SERVICE,
      Service: CONSUL_SERVICE,
      Tags: null,
      Port: server.rpcPort,
      Weights: { Passing: 1, Warning: 1 },
      Meta: {
        non_voter: "false",
        raft_version: "3",
        read_replica: "false",
        serf_protocol_current: "2",
        serf_protocol_max: "5",
        serf_protocol_min: "1",
        version: server.version,
      },
    },
    Check: make(HealthCheck, {
      Node: server.name,
      CheckID: SERF_HEALTH,
      Name: "Serf Health Status",
      Status: "passing",
      Output: "Agent alive and reachable",
    }),
  });
}
