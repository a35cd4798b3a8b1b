import type { HealthCheck, NodeService } from "@tribune/api";
import { EMPTY_CHECK } from "./empty-rows.ts";

/** Checks that stand for maintenance mode: critical for as long as they exist, and run by nobody. */
export const NODE_MAINTENANCE_ID = "_node_maintenance";
const SERVICE_MAINTENANCE_PREFIX = "_service_maintenance:";

const DEFAULT_REASON = (of: "node" | "service"): string =>
  `Maintenance mode is enabled for this ${of}, but no reason was provided. This is a default message.`;

export function serviceMaintenanceId(serviceId: string): string {
  return SERVICE_MAINTENANCE_PREFIX + serviceId;
}

export function nodeMaintenanceCheck(reason: string): HealthCheck {
  return {
    ...EMPTY_CHECK,
    CheckID: NODE_MAINTENANCE_ID,
    Name: "Node Maintenance Mode",
    Notes: reason || DEFAULT_REASON("node"),
    Status: "critical",
    Type: "maintenance",
  };
}

export function serviceMaintenanceCheck(service: NodeService, reason: string): HealthCheck {
  return {
    ...EMPTY_CHECK,
    CheckID: serviceMaintenanceId(service.ID),
    Name: "Service Maintenance Mode",
    Notes: reason || DEFAULT_REASON("service"),
    ServiceID: service.ID,
    ServiceName: service.Service,
    ServiceTags: service.Tags,
    Status: "critical",
    Type: "maintenance",
  };
}
