import { agentContracts } from "./agent.ts";
import { agentCheckContracts } from "./agent-check.ts";
import { agentServiceContracts } from "./agent-service.ts";
import { apiContracts } from "./api.ts";
import { catalogContracts, catalogRpcContracts } from "./catalog.ts";
import { configEntryContracts, configEntryRpcContracts } from "./config-entry.ts";
import { connectCaContracts, connectCaRpcContracts } from "./connect-ca.ts";
import { coordinateContracts } from "./coordinate.ts";
import { discoveryChainContracts } from "./discovery-chain.ts";
import { eventContracts, eventRpcContracts } from "./event.ts";
import { healthContracts } from "./health.ts";
import { historyContracts } from "./history.ts";
import { intentionContracts } from "./intention.ts";
import { internalContracts, internalRpcContracts } from "./internal.ts";
import { kvContracts } from "./kv.ts";
import { operatorContracts } from "./operator.ts";
import { preparedQueryContracts, preparedQueryRpcContracts } from "./prepared-query.ts";
import { sessionContracts } from "./session.ts";
import { snapshotContracts } from "./snapshot.ts";
import { statusContracts, statusRpcContracts } from "./status.ts";
import { streamContracts } from "./stream.ts";
import { txnContracts, txnRpcContracts } from "./txn.ts";

/** The served API by area. One line an area. */
export const CONTRACT_AREAS = {
  agent: agentContracts,
  "agent: services": agentServiceContracts,
  "agent: checks": agentCheckContracts,
  catalog: catalogContracts,
  health: healthContracts,
  "key-value store": kvContracts,
  sessions: sessionContracts,
  transactions: txnContracts,
  "prepared queries": preparedQueryContracts,
  "config entries": configEntryContracts,
  intentions: intentionContracts,
  "discovery chains": discoveryChainContracts,
  "certificate authority": connectCaContracts,
  coordinates: coordinateContracts,
  events: eventContracts,
  operator: operatorContracts,
  snapshots: snapshotContracts,
  status: statusContracts,
  "views of the web page": internalContracts,
  history: historyContracts,
  streams: streamContracts,
  "this API": apiContracts,
};

/** Every served contract by name; what is derived from contracts is derived from this. */
export const ALL_CONTRACTS = {
  ...agentContracts,
  ...agentServiceContracts,
  ...agentCheckContracts,
  ...catalogContracts,
  ...healthContracts,
  ...kvContracts,
  ...sessionContracts,
  ...txnContracts,
  ...preparedQueryContracts,
  ...configEntryContracts,
  ...intentionContracts,
  ...discoveryChainContracts,
  ...connectCaContracts,
  ...coordinateContracts,
  ...eventContracts,
  ...operatorContracts,
  ...snapshotContracts,
  ...statusContracts,
  ...internalContracts,
  ...historyContracts,
  ...streamContracts,
  ...apiContracts,
};

/** Methods that no route leads to. */
export const RPC_CONTRACTS = {
  ...catalogRpcContracts,
  ...configEntryRpcContracts,
  ...connectCaRpcContracts,
  ...eventRpcContracts,
  ...internalRpcContracts,
  ...preparedQueryRpcContracts,
  ...statusRpcContracts,
  ...txnRpcContracts,
};
