import type { KVSRequest } from "@tribune/api";
import { TribuneError } from "../lib/errors.ts";
import type { LeaderApi } from "./agent-api.ts";
import { Settled } from "./binding.ts";

/**
 * Why a key-value operation may not enter the log: "" when it may. A lock-delay is a matter of the leader's
 * clock, so it must be settled here: replicas whose clocks differ would apply the command differently.
 */
export function refuseKvOp(
  op: string,
  key: string,
  leader: Pick<LeaderApi, "lockDelayMs">,
): "" | "missing key" | "lock delay" {
  if (key === "" && op !== "delete-tree") return "missing key";
  if (op === "lock" && leader.lockDelayMs(key) > 0) return "lock delay";
  return "";
}

export function prepareKv(request: KVSRequest, leader: LeaderApi): KVSRequest | Settled {
  switch (refuseKvOp(request.Op, request.DirEnt.Key, leader)) {
    case "missing key":
      throw TribuneError.internal("Must provide key");
    case "lock delay":
      return new Settled(false);
    default:
      return request;
  }
}
