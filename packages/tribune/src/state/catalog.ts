/** The catalog: nodes, services, checks and coordinates. What other files of the server may use of it. */
export * from "./catalog/checks.ts";
export * from "./catalog/coordinates.ts";
export * from "./catalog/health-queries.ts";
export * from "./catalog/node-queries.ts";
export * from "./catalog/nodes.ts";
export * from "./catalog/registration.ts";
export * from "./catalog/service-queries.ts";
export * from "./catalog/services.ts";
export * from "./catalog/snapshot.ts";
export { CHECKS, NODES, SERVICES, type ServiceRow } from "./catalog/tables.ts";
