import {
  AutopilotConfig,
  AutopilotConfiguration,
  durationText,
  fromJson,
  JsonShapeError,
  KeyringKey,
  make,
  operatorContracts,
  toJson,
} from "@tribune/api";
import { TribuneError } from "../lib/errors.ts";
import { JsonError, parseJson } from "../lib/go-json-parse.ts";
import type { ServerHealth } from "./agent-api.ts";
import { type Answer, empty, json } from "./answer.ts";
import { type Bindings, bind, type HttpView } from "./binding.ts";
import { requireOwnDatacenter } from "./datacenter.ts";

const textDuration = { ...durationText, omitEmpty: false };
const refuse = (reason: string): never => {
  throw TribuneError.badRequest(`Bad request: ${reason}`);
};

export const operatorEndpoints = bind(operatorContracts, {
  operatorRaftConfiguration: {
    answer(_values, http, agent) {
      requireOwnDatacenter(http.datacenter, agent.datacenter);
      const servers = agent.operator.raftPeers().map((peer) => ({
        ID: peer.id,
        Node: peer.node,
        Address: peer.address,
        Leader: peer.leader,
        ProtocolVersion: peer.protocolVersion,
        Voter: peer.voter,
      }));
      return json({ Servers: servers, Index: 0 });
    },
  },
  operatorRaftPeer: {
    async answer({ id, address }, http, agent) {
      const [hasId, hasAddress] = [http.query.has("id"), http.query.has("address")];
      if (!hasId && !hasAddress)
        refuse("Must specify either ?id with the server's ID or ?address with IP:port of peer to remove");
      if (hasId && hasAddress) refuse("Must specify only one of ?id or ?address");
      requireOwnDatacenter(http.datacenter, agent.datacenter);
      await agent.operator.removePeer(hasId ? { id } : { address });
      return empty();
    },
  },
  operatorAutopilotGet: {
    answer(_values, http, agent) {
      requireOwnDatacenter(http.datacenter, agent.datacenter);
      const config = agent.operator.autopilotConfig();
      if (config === undefined) throw TribuneError.internal("autopilot config not initialized yet");
      return json(toJson(AutopilotConfiguration, config as unknown as AutopilotConfiguration));
    },
  },
  operatorAutopilotSet: {
    async answer({ configuration }, http, agent) {
      const given = decode(
        configuration,
        (raw) => fromJson(AutopilotConfiguration, raw, true),
        "Error parsing autopilot config: ",
      );
      const cas = http.query.has("cas");
      const casRaw = http.query.get("cas");
      if (cas && !/^\d{1,16}$/.test(casRaw))
        refuse(`Error parsing cas value: strconv.ParseUint: parsing ${JSON.stringify(casRaw)}: invalid syntax`);
      requireOwnDatacenter(http.datacenter, agent.datacenter);
      const { CreateIndex: _, ...settings } = given;
      const config = make(AutopilotConfig, { ...settings, ModifyIndex: cas ? Number(casRaw) : 0 });
      const changed = await agent.operator.setAutopilotConfig(config, cas);
      return json(cas ? changed : true);
    },
  },
  operatorAutopilotHealth: {
    answer(_values, http, agent) {
      requireOwnDatacenter(http.datacenter, agent.datacenter);
      const { healthy, failureTolerance, servers } = agent.operator.serverHealth();
      const value = { Healthy: healthy, FailureTolerance: failureTolerance, Servers: servers.map(healthShape) };
      return { kind: "json", value, status: healthy ? 200 : 429 };
    },
  },
  operatorAutopilotState: {
    answer(_values, http, agent) {
      requireOwnDatacenter(http.datacenter, agent.datacenter);
      const { healthy, failureTolerance, servers } = agent.operator.serverHealth();
      return json({
        Healthy: healthy,
        FailureTolerance: failureTolerance,
        OptimisticFailureTolerance: 0,
        Servers: Object.fromEntries(servers.map((server) => [server.id, stateShape(server)])),
        Leader: servers.find((server) => server.leader)?.id ?? "",
        Voters: servers.filter((server) => server.voter).map((server) => server.id),
      });
    },
  },
  operatorKeyringList: {
    answer(_values, http, agent): Answer {
      checkKeyringOptions(http);
      return keyringRefusal(agent.nodeName, agent.datacenter, "Keyring is empty (encryption not enabled)");
    },
  },
  operatorKeyringInstall: { answer: (values, http, agent) => changeKeyring(values.key, http, agent) },
  operatorKeyringUse: { answer: (values, http, agent) => changeKeyring(values.key, http, agent) },
  operatorKeyringRemove: { answer: (values, http, agent) => changeKeyring(values.key, http, agent) },
} satisfies Bindings<typeof operatorContracts>);

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

function healthShape(server: ServerHealth): unknown {
  return {
    ID: server.id,
    Name: server.name,
    Address: server.address,
    SerfStatus: server.serfStatus,
    Version: server.version,
    Leader: server.leader,
    LastContact: toJson(textDuration, server.lastContactNs),
    LastTerm: server.lastTerm,
    LastIndex: server.lastIndex,
    Healthy: server.healthy,
    Voter: server.voter,
    StableSince: isoSeconds(server.stableSinceMs),
  };
}

function stateShape(server: ServerHealth): unknown {
  return {
    ID: server.id,
    Name: server.name,
    Address: server.address,
    NodeStatus: server.serfStatus,
    Version: server.version,
    LastContact: toJson(textDuration, server.lastContactNs),
    LastTerm: server.lastTerm,
    LastIndex: server.lastIndex,
    Healthy: server.healthy,
    StableSince: new Date(server.stableSinceMs).toISOString(),
    ReadReplica: false,
    Status: server.leader ? "leader" : server.voter ? "voter" : "non-voter",
    Meta: server.meta,
    NodeType: "voter",
  };
}

// ---- keyring: without gossip encryption every operation is refused by every pool ----

function changeKeyring(body: Uint8Array, http: HttpView, agent: { nodeName: string; datacenter: string }): Answer {
  const { Key } = decode(body, (raw) => fromJson(KeyringKey, raw, true), "Request decode failed: ");
  checkKeyringOptions(http);
  const bad = /[^A-Za-z0-9+/]/.exec(Key.replace(/={0,2}$/, ""))?.index ?? (Key.length % 4 === 0 ? -1 : 0);
  if (bad >= 0) {
    const problem = `illegal base64 data at input byte ${bad}`;
    return refusal([`WAN error: ${problem}`, `${agent.datacenter} (LAN) error: ${problem}`]);
  }
  return keyringRefusal(agent.nodeName, agent.datacenter, "No keyring to modify (encryption not enabled)");
}

function checkKeyringOptions(http: HttpView): void {
  const relay = http.query.get("relay-factor");
  if (relay !== "" && !/^[+-]?\d+$/.test(relay))
    refuse(`Error parsing relay factor: strconv.Atoi: parsing ${JSON.stringify(relay)}: invalid syntax`);
  if (relay !== "" && (Number(relay) < 0 || Number(relay) > 5))
    refuse("Invalid relay-factor: Relay factor must be in range: [0, 5]");
  const local = http.query.get("local-only");
  if (local === "") return;
  if (!/^(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/.test(local))
    refuse(`Error parsing local-only: strconv.ParseBool: parsing ${JSON.stringify(local)}: invalid syntax`);
  if (/^(1|t)/i.test(local) && http.method !== "GET")
    refuse("Invalid use of local-only: local-only can only be set for GET requests");
}

function keyringRefusal(node: string, datacenter: string, problem: string): Answer {
  return refusal([
    "WAN error: 1/1 nodes reported failure",
    `${node}.${datacenter}: ${problem}`,
    `${datacenter} (LAN) error: 1/1 nodes reported failure`,
    `${node}: ${problem}`,
  ]);
}

/** The list form of Go's multierror. */
function refusal(problems: readonly string[]): Answer {
  const body = `${problems.length} errors occurred:\n${problems.map((problem) => `\t* ${problem}\n`).join("")}\n`;
  return { kind: "text", status: 500, text: body };
}
