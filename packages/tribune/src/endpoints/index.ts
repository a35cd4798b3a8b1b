import { agentEndpoints } from "./agent.ts";
import { agentCheckEndpoints } from "./agent-check.ts";
import { agentServiceEndpoints } from "./agent-service.ts";
import { apiEndpoints } from "./api.ts";
import type { Endpoint } from "./binding.ts";
import { catalogEndpoints } from "./catalog.ts";
import { configEntryEndpoints } from "./config-entry.ts";
import { connectCaEndpoints } from "./connect-ca.ts";
import { coordinateEndpoints } from "./coordinate.ts";
import { eventEndpoints } from "./event.ts";
import { healthEndpoints } from "./health.ts";
import { kvEndpoints } from "./kv.ts";
import { notServedEndpoints } from "./not-served.ts";
import { operatorEndpoints } from "./operator.ts";
import { preparedQueryEndpoints } from "./prepared-query.ts";
import { sessionEndpoints } from "./session.ts";
import { snapshotEndpoints } from "./snapshot.ts";
import { statusEndpoints } from "./status.ts";
import { txnEndpoints } from "./txn.ts";

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
  ...eventEndpoints,
  ...healthEndpoints,
  ...kvEndpoints,
  ...operatorEndpoints,
  ...preparedQueryEndpoints,
  ...sessionEndpoints,
  ...snapshotEndpoints,
  ...statusEndpoints,
  ...txnEndpoints,
  ...notServedEndpoints,
];
