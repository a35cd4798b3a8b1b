import { agentEndpoints } from "./agent.ts";
import { agentCheckEndpoints } from "./agent-check.ts";
import { agentServiceEndpoints } from "./agent-service.ts";
import { apiEndpoints } from "./api.ts";
import type { Endpoint, Method } from "./binding.ts";
import { catalogEndpoints, catalogMethods } from "./catalog.ts";
import { configEntryEndpoints, configEntryMethods } from "./config-entry.ts";
import { connectCaEndpoints, connectCaMethods } from "./connect-ca.ts";
import { coordinateEndpoints } from "./coordinate.ts";
import { discoveryChainEndpoints } from "./discovery-chain.ts";
import { eventEndpoints, eventMethods } from "./event.ts";
import { healthEndpoints } from "./health.ts";
import { historyEndpoints } from "./history.ts";
import { intentionEndpoints } from "./intention.ts";
import { internalEndpoints, internalMethods } from "./internal.ts";
import { kvEndpoints } from "./kv.ts";
import { notServedEndpoints } from "./not-served.ts";
import { operatorEndpoints } from "./operator.ts";
import { preparedQueryEndpoints, preparedQueryMethods } from "./prepared-query.ts";
import { sessionEndpoints } from "./session.ts";
import { snapshotEndpoints } from "./snapshot.ts";
import { statusEndpoints, statusMethods } from "./status.ts";
import { streamEndpoints } from "./stream.ts";
import { txnEndpoints, txnMethods } from "./txn.ts";

/** Every endpoint of the agent; the doors derive their routes from it. One line an area. */
export const ENDPOINTS: readonly Endpoint[] = [
  ...agentEndpoints,
  ...agentCheckEndpoints,
  ...agentServiceEndpoints,
  ...apiEndpoints,
  ...catalogEndpoints,
  ...connectCaEndpoints,
  ...configEntryEndpoints,
  ...coordinateEndpoints,
  ...discoveryChainEndpoints,
  ...eventEndpoints,
  ...healthEndpoints,
  ...historyEndpoints,
  ...intentionEndpoints,
  ...internalEndpoints,
  ...kvEndpoints,
  ...operatorEndpoints,
  ...preparedQueryEndpoints,
  ...sessionEndpoints,
  ...snapshotEndpoints,
  ...statusEndpoints,
  ...streamEndpoints,
  ...txnEndpoints,
  ...notServedEndpoints,
];

/** Methods that no route leads to. */
export const METHODS: readonly Method[] = [
  ...catalogMethods,
  ...configEntryMethods,
  ...connectCaMethods,
  ...eventMethods,
  ...internalMethods,
  ...preparedQueryMethods,
  ...statusMethods,
  ...txnMethods,
];
