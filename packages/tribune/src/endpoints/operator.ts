import {
  AutopilotConfig,
  AutopilotConfiguration,
  AutopilotHealthReply,
  type AutopilotServerHealth,
  type AutopilotServerState,
  AutopilotSetConfigRequest,
  AutopilotState,
  DCSpecificRequest,
  durationText,
  fromJson,
  JsonShapeError,
  KeyringKey,
  KeyringRequest,
  KeyringResponseJson,
  type KeyringResponses,
  list,
  make,
  operatorContracts,
  RaftConfigurationResponse,
  RaftRemovePeerRequest,
  RaftTransferLeaderRequest,
  ServiceUsage,
  TransferLeaderResponse,
  toJson,
  Usage,
} from "@tribune/api";
import { TribuneError } from "../lib/errors.ts";
import { JsonError, parseJson } from "../lib/go-json-parse.ts";
import { exactIndex, parseInteger, parseUint64 } from "../lib/go-number.ts";
import { NODES } from "../state/catalog/tables.ts";
import { peekIndex } from "../state/index-table.ts";
import { serviceUsage } from "../state/usage.ts";
import type { ServerApi, ServerHealth } from "./agent-api.ts";
import { type Answer, empty, json } from "./answer.ts";
import { type Bindings, bind, type HttpView } from "./binding.ts";

const textDuration = { ...durationText, omitEmpty: false };
const refuse = (reason: string): never => {
  throw TribuneError.badRequest(`Bad request: ${reason}`);
};

export const operatorEndpoints = bind(operatorContracts, {
  operatorRaftConfiguration: {
    request: (_values, _http, common) => common,
    answer(_request, { operator }) {
      const Servers = operator.raftPeers().map((peer) => ({
        ID: peer.id,
        Node: peer.node,
        Address: peer.address,
        Leader: peer.leader,
        ProtocolVersion: peer.protocolVersion,
        Voter: peer.voter,
      }));
      return make(RaftConfigurationResponse, { Servers });
    },
    show: (reply) => json(toJson(RaftConfigurationResponse, reply)),
  },
  operatorRaftPeerById: {
    request: ({ id, address }, http) => removal(id, address, http),
    answer: (request, { operator }) => operator.removePeer({ id: request.ID }),
    show: () => empty(),
  },
  operatorRaftPeer: {
    request: ({ id, address }, http) => removal(id, address, http),
    answer: (request, { operator }) => operator.removePeer({ address: request.Address }),
    show: () => empty(),
  },
  operatorRaftTransferLeader: {
    request: ({ id }, http) =>
      make(RaftTransferLeaderRequest, { Datacenter: http.datacenter, Token: http.token, ID: id }),
    async answer({ ID }, { operator }) {
      await operator.transferLeadership(ID === "" ? undefined : ID);
      return make(TransferLeaderResponse, { Success: true });
    },
    show: (reply) => json(reply),
  },
  operatorUsage: {
    request: ({ global }, _http, common) => ({ ...common, Global: global }),
    *query(tx, _request, { datacenter }) {
      const { services, instances, billable, byMeshKind } = yield* serviceUsage(tx, "watch");
      let nodes = 0;
      for (const _ of tx.scan(NODES, "")) nodes++;
      const usage = {
        Services: services,
        ServiceInstances: instances,
        ConnectServiceInstances: byMeshKind,
        BillableServiceInstances: billable,
        Nodes: nodes,
      };
      return make(Usage, { Usage: { [datacenter]: usage }, Index: peekIndex(tx, "nodes", "services") });
    },
    show: ({ Usage: byDatacenter }) =>
      json({
        Usage: Object.fromEntries(
          Object.entries(byDatacenter ?? {}).map(([datacenter, usage]) => [datacenter, toJson(ServiceUsage, usage)]),
        ),
      }),
  },
  operatorAutopilotGet: {
    request: (_values, _http, common) => common,
    answer(_request, { operator }) {
      const config = operator.autopilotConfig();
      if (config === undefined) throw TribuneError.internal("autopilot config not initialized yet");
      return config;
    },
    show: (config) => json(toJson(AutopilotConfiguration, config)),
  },
  operatorAutopilotSet: {
    request({ configuration }, http) {
      const given = decode(
        configuration,
        (raw) => fromJson(AutopilotConfiguration, raw, true),
        "Error parsing autopilot config: ",
      );
      const cas = http.query.has("cas");
      const casRaw = http.query.get("cas");
      const { value: index, fault } = parseUint64(casRaw);
      if (cas && fault !== undefined) refuse(`Error parsing cas value: ${fault}`);
      const { CreateIndex: _, ...settings } = given;
      const Config = make(AutopilotConfig, {
        ...settings,
        ModifyIndex: cas && index !== undefined ? exactIndex(index) : 0,
      });
      return make(AutopilotSetConfigRequest, { Datacenter: http.datacenter, Token: http.token, Config, CAS: cas });
    },
    errorPrefix: "raft apply failed: ",
    show: (changed, { CAS }) => json(CAS ? changed === true : true),
  },
  operatorAutopilotHealth: {
    request: (_values, http) => make(DCSpecificRequest, { Datacenter: http.datacenter, Token: http.token }),
    answer(_request, { operator }) {
      const { healthy, failureTolerance, servers } = operator.serverHealth();
      return make(AutopilotHealthReply, {
        Healthy: healthy,
        FailureTolerance: failureTolerance,
        Servers: servers.map(healthReply),
      });
    },
    show(reply: AutopilotHealthReply) {
      const value = { ...reply, Servers: (reply.Servers ?? []).map(healthShape) };
      return { kind: "json", value, status: reply.Healthy ? 200 : 429 };
    },
  },
  operatorAutopilotState: {
    request: (_values, _http, common) => common,
    answer(_request, { operator }) {
      const { healthy, failureTolerance, servers } = operator.serverHealth();
      return make(AutopilotState, {
        Healthy: healthy,
        FailureTolerance: failureTolerance,
        Servers: Object.fromEntries(servers.map((server) => [server.id, stateReply(server)])),
        Leader: servers.find((server) => server.leader)?.id ?? "",
        Voters: servers.filter((server) => server.voter).map((server) => server.id),
        Ext: null,
      });
    },
    show: ({ Healthy, FailureTolerance, Servers, Leader, Voters }: AutopilotState) =>
      json({
        Healthy,
        FailureTolerance,
        OptimisticFailureTolerance: FailureTolerance,
        Servers: Object.fromEntries(
          Object.entries(Servers ?? {}).flatMap(([id, server]) => (server === null ? [] : [[id, stateShape(server)]])),
        ),
        Leader,
        Voters,
      }),
  },
  operatorKeyringList: {
    request: (_values, http) => keyringRequest("list", "", http),
    answer: (request, { pools }) => pools.keyring(request),
    show(reply: KeyringResponses) {
      const refused = keyringRefusal(reply);
      return refused ?? json(toJson(KEYRING_RESPONSES, reply.Responses ?? []));
    },
  },
  operatorKeyringInstall: keyringChange("install"),
  operatorKeyringUse: keyringChange("use"),
  operatorKeyringRemove: keyringChange("remove"),
} satisfies Bindings<typeof operatorContracts>);

/** Both forms are asked: which one it is hangs on which parameters there are, not on what they say. */
function removal(id: string, address: string, http: HttpView): RaftRemovePeerRequest {
  const [hasId, hasAddress] = [http.query.has("id"), http.query.has("address")];
  if (!hasId && !hasAddress)
    refuse("Must specify either ?id with the server's ID or ?address with IP:port of peer to remove");
  if (hasId && hasAddress) refuse("Must specify only one of ?id or ?address");
  return make(RaftRemovePeerRequest, { Datacenter: http.datacenter, Token: http.token, ID: id, Address: address });
}

function decode<T>(body: Uint8Array, read: (raw: unknown) => T, prefix: string): T {
  try {
    return read(parseJson(Buffer.from(body).toString("utf8")));
  } catch (error) {
    if (error instanceof JsonError || error instanceof JsonShapeError) return refuse(prefix + error.message);
    throw error;
  }
}

const isoSeconds = (unixMs: number): string =>
  `${new Date(Math.round(unixMs / 1000) * 1000).toISOString().slice(0, 19)}Z`;

/** As serf numbers its states. */
const SERF_STATUS = { none: 0, alive: 1, left: 3, failed: 4 } as const;
/** As serf writes them. */
const SERF_STATUS_TEXT: Readonly<Record<number, string>> = {
  0: "none",
  1: "alive",
  2: "leaving",
  3: "left",
  4: "failed",
};

function healthReply(server: ServerHealth): AutopilotServerHealth {
  return {
    ID: server.id,
    Name: server.name,
    Address: server.address,
    SerfStatus: SERF_STATUS[server.serfStatus],
    Version: server.version,
    Leader: server.leader,
    LastContact: server.lastContactNs,
    LastTerm: server.lastTerm,
    LastIndex: server.lastIndex,
    Healthy: server.healthy,
    Voter: server.voter,
    StableSince: new Date(server.stableSinceMs).toISOString(),
  };
}

function healthShape(server: AutopilotServerHealth): unknown {
  return {
    ID: server.ID,
    Name: server.Name,
    Address: server.Address,
    SerfStatus: SERF_STATUS_TEXT[server.SerfStatus] ?? "none",
    Version: server.Version,
    Leader: server.Leader,
    LastContact: toJson(textDuration, server.LastContact),
    LastTerm: server.LastTerm,
    LastIndex: server.LastIndex,
    Healthy: server.Healthy,
    Voter: server.Voter,
    StableSince: isoSeconds(Date.parse(server.StableSince)),
  };
}

function stateReply(server: ServerHealth): AutopilotServerState {
  return {
    Server: {
      ID: server.id,
      Name: server.name,
      Address: server.address,
      NodeStatus: server.serfStatus,
      Version: server.version,
      Meta: server.meta,
      RaftVersion: 3,
      IsLeader: server.leader,
      NodeType: "voter",
      Ext: null,
    },
    State: server.leader ? "leader" : server.voter ? "voter" : "non-voter",
    Stats: { LastContact: server.lastContactNs, LastTerm: server.lastTerm, LastIndex: server.lastIndex },
    Health: { Healthy: server.healthy, StableSince: new Date(server.stableSinceMs).toISOString() },
  };
}

function stateShape({ Server, State, Stats, Health }: AutopilotServerState): unknown {
  return {
    ID: Server.ID,
    Name: Server.Name,
    Address: Server.Address,
    NodeStatus: Server.NodeStatus,
    Version: Server.Version,
    LastContact: toJson(textDuration, Stats.LastContact),
    LastTerm: Stats.LastTerm,
    LastIndex: Stats.LastIndex,
    Healthy: Health.Healthy,
    StableSince: Health.StableSince,
    ReadReplica: false,
    Status: State,
    Meta: Server.Meta ?? {},
    NodeType: Server.NodeType,
  };
}

// ---- keyring ----

const KEYRING_RESPONSES = list(KeyringResponseJson);

function keyringChange(operation: "install" | "use" | "remove") {
  return {
    request({ key }: { readonly key: Uint8Array }, http: HttpView): KeyringRequest {
      const { Key } = decode(key, (raw) => fromJson(KeyringKey, raw, true), "Request decode failed: ");
      return keyringRequest(operation, Key, http);
    },
    answer: (request: KeyringRequest, { pools }: ServerApi) => pools.keyring(request),
    show: (reply: KeyringResponses): Answer => keyringRefusal(reply) ?? empty(),
  };
}

function keyringRequest(Operation: string, Key: string, http: HttpView): KeyringRequest {
  const relay = http.query.get("relay-factor");
  const { fault } = parseInteger(relay);
  if (relay !== "" && fault !== undefined) refuse(`Error parsing relay factor: ${fault}`);
  if (relay !== "" && (Number(relay) < 0 || Number(relay) > 5))
    refuse("Invalid relay-factor: Relay factor must be in range: [0, 5]");
  const LocalOnly = localOnly(http);
  return make(KeyringRequest, {
    Operation,
    Key,
    Datacenter: http.datacenter,
    Token: http.token,
    RelayFactor: Number(relay),
    LocalOnly,
  });
}

function localOnly(http: HttpView): boolean {
  const local = http.query.get("local-only");
  if (local === "") return false;
  if (!/^(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/.test(local))
    refuse(`Error parsing local-only: strconv.ParseBool: parsing ${JSON.stringify(local)}: invalid syntax`);
  const asked = /^(1|t)/i.test(local);
  if (asked && http.method !== "GET") refuse("Invalid use of local-only: local-only can only be set for GET requests");
  return asked;
}

/** What failed in which pool, as Go's multierror lists it; undefined when nothing did. */
function keyringRefusal({ Responses }: KeyringResponses): Answer | undefined {
  const problems = (Responses ?? []).flatMap((response) => {
    if (response === null || response.Error === "") return [];
    const pool = response.WAN ? "WAN" : `${response.Datacenter} (LAN)`;
    const ofNodes = Object.entries(response.Messages ?? {}).map(([node, message]) => `${node}: ${message}`);
    return [`${pool} error: ${response.Error}`, ...ofNodes];
  });
  if (problems.length === 0) return undefined;
  const count = problems.length === 1 ? "1 error" : `${problems.length} errors`;
  const body = `${count} occurred:\n${problems.map((problem) => `\t* ${problem}\n`).join("")}\n`;
  return { kind: "text", status: 500, text: body };
}
