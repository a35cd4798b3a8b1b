/** User events. Fields and order are Consul 1.10's. */
import { bytes, type Infer, struct, text } from "../schema.ts";
import { queryMeta, queryOptions } from "./common.ts";

export const EventFireRequest = struct("EventFireRequest", {
  Datacenter: text,
  Name: text,
  Payload: bytes,
  ...queryOptions,
});
export type EventFireRequest = Infer<typeof EventFireRequest>;

export const EventFireResponse = struct("EventFireResponse", {
  ...queryMeta,
});
export type EventFireResponse = Infer<typeof EventFireResponse>;
