import type { Endpoint } from "./binding.ts";
import { catalogEndpoints } from "./catalog.ts";
import { coordinateEndpoints } from "./coordinate.ts";
import { healthEndpoints } from "./health.ts";

/** Every endpoint of the agent; the doors derive their routes from it. One line an area. */
export const ENDPOINTS: readonly Endpoint[] = [...catalogEndpoints, ...coordinateEndpoints, ...healthEndpoints];
