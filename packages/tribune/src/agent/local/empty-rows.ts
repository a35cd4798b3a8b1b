import { HealthCheck, make, NodeService } from "@tribune/api";

/**
 * Rows in which everything is zero. All rows of this agent are spread from them and so share their nested
 * zero structs: a bare service has no proxy of its own to hold, to compare or to write down.
 */
export const EMPTY_SERVICE: NodeService = make(NodeService);
export const EMPTY_CHECK: HealthCheck = make(HealthCheck);
