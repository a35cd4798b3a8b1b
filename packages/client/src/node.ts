/** The client of one agent over Node's own sockets, without what the contracts make of it (`browser.ts`). */
export { type CatalogQuery, ConsulClient, type KvWatch } from "./client.ts";
export { AnswerError, RequestError, ResponseError } from "./errors.ts";
export { parseJson, stringifyJson } from "./json-text.ts";
export { nodeSend } from "./node-send.ts";
export { type ClientOptions, mergeOptions, optionsFromEnv } from "./options.ts";
export type { SessionRequest } from "./session-api.ts";
export type { Query, Request } from "./transport.ts";
export type * from "./types.ts";
