import type { HttpOptions } from "./backend.ts";

/** An HTTP door as tests want it. */
export const HTTP_OPTIONS: HttpOptions = {
  datacenter: "dc1",
  nodeName: "me",
  defaultToken: "",
  alwaysPretty: false,
  responseHeaders: [],
  blockEndpoints: [],
  allowWriteFrom: () => true,
  useCache: true,
  discoveryMaxStaleNs: 0,
  translateWanAddresses: false,
  aclDefaultPolicy: "",
  unprintablePathFilter: true,
  connectionsPerClientMax: 100,
  headerBytesMax: 1 << 20,
  limits: { kvMaxValueSize: 0, txnMaxReqLen: 0 },
  dnsDomains: ["consul."],
  site: undefined,
};
