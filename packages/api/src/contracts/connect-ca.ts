import { inQuery, read, rpcCall } from "../contract.ts";
import { DCSpecificRequest } from "../structs/catalog.ts";
import { CAConfiguration, IndexedCARoots } from "../structs/connect-ca.ts";

const common = {
  rpc: "ConnectCA.Roots",
  request: DCSpecificRequest,
  reply: IndexedCARoots,
  blocking: true,
  acl: { by: "none" },
  answers: "CARoots",
} as const;

/** What clients of the mesh have to trust. The signing itself is not served yet: see `not-served.ts`. */
export const connectCaContracts = {
  connectCaRoots: read({
    ...common,
    http: "GET /v1/connect/ca/roots",
    parameters: { pem: inQuery("Answer the certificates alone, as PEM") },
    summary: "Root certificates that are trusted",
  }),
  agentConnectCaRoots: read({
    ...common,
    http: "GET /v1/agent/connect/ca/roots",
    parameters: {},
    cacheable: true,
    summary: "Root certificates that are trusted, as this agent keeps them",
  }),
};

export const connectCaRpcContracts = {
  connectCaConfiguration: rpcCall({
    rpc: "ConnectCA.ConfigurationGet",
    request: DCSpecificRequest,
    reply: CAConfiguration,
    answeredBy: "asked",
    summary: "Settings of the certificate authority",
  }),
};
