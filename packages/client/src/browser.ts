/** The part of the client that needs nothing of Node. */
export {
  type Answer,
  type CallOptions,
  type ContractClient,
  type ContractClientOptions,
  createClient,
} from "./contract-client.ts";
export { RequestError, ResponseError } from "./errors.ts";
export { fetchSend, type Send, type WireRequest, type WireResponse } from "./send.ts";
