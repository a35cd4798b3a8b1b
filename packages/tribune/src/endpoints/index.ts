import type { Endpoint } from "./binding.ts";

/** Every endpoint of the agent; the doors derive their routes from it. One line an area. */
export const ENDPOINTS: readonly Endpoint[] = [];
