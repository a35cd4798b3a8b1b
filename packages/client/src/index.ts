export { type CatalogQuery, ConsulClient } from "./client.ts";
export { type ClientOptions, mergeOptions, optionsFromEnv } from "./options.ts";
export { RequestError, ResponseError } from "./transport.ts";
export type * from "./types.ts";
