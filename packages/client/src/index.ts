export * from "./browser.ts";
export { type CatalogQuery, ConsulClient } from "./client.ts";
export { nodeSend } from "./node-send.ts";
export { type ClientOptions, mergeOptions, optionsFromEnv } from "./options.ts";
export type * from "./types.ts";
