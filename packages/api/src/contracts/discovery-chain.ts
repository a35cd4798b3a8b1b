/** `/v1/discovery-chain`: the entries about a service as one graph. */
import { anyBody, inPath, inQuery, read } from "../contract.ts";
import { DiscoveryChainOverrides, DiscoveryChainRequest, DiscoveryChainResponse } from "../structs/discovery-chain.ts";

const service = inPath("Name of the service", { missing: "Bad request: Missing chain name" });
const compileDc = inQuery("Datacenter that the chain is for", { name: "compile-dc" });
const chain = {
  rpc: "DiscoveryChain.Get",
  request: DiscoveryChainRequest,
  reply: DiscoveryChainResponse,
  blocking: true,
  cacheable: true,
  saysConsistency: true,
  acl: { by: "require", resource: "service", access: "read" },
} as const;

export const discoveryChainContracts = {
  discoveryChainGet: read({
    ...chain,
    http: "GET /v1/discovery-chain/*service",
    namespaced: true,
    parameters: { service, compileDc },
    summary: "Compile the discovery chain of a service",
    answers: "DiscoveryChain",
  }),
  discoveryChainOverridden: read({
    ...chain,
    http: "POST /v1/discovery-chain/*service",
    namespaced: true,
    parameters: {
      service,
      compileDc,
      overrides: anyBody(DiscoveryChainOverrides, "What an upstream's own configuration says otherwise", {
        invalid: "Bad request: Request decoding failed: %s",
      }),
    },
    summary: "Compile the discovery chain of a service, with protocol, timeout or gateway mode overridden",
    answers: "DiscoveryChain",
  }),
};
