import { type Coordinate, type KeyringRequest, KeyringResponse, KeyringResponses, make } from "@tribune/api";
import { USER_EVENT_PREFIX } from "../codec/user-event.ts";
import type { PoolsApi } from "../endpoints/agent-api.ts";
import { TribuneError } from "../lib/errors.ts";
import { type ServerMember, serverOf } from "../pool/server-tags.ts";
import type { GossipPool, KeyringOperation, KeyringOutcome } from "../pool/types.ts";
import { firstBadBase64 } from "../server/lone-pools.ts";
import { networkCoordinate } from "./coordinates.ts";

const OPERATIONS: readonly string[] = ["list", "install", "use", "remove"] satisfies readonly KeyringOperation[];

/** What a server answers from gossip. */
export class ServerPools implements PoolsApi {
  readonly #datacenter: string;
  readonly #lan: GossipPool;
  readonly #wan: GossipPool | undefined;

  constructor(datacenter: string, { lan, wan }: { readonly lan: GossipPool; readonly wan: GossipPool | undefined }) {
    this.#datacenter = datacenter;
    this.#lan = lan;
    this.#wan = wan;
  }

  /** The own one first; the others by name, as long as nobody measures the way to them. */
  datacenters(): readonly string[] {
    const others = new Set(this.#servers().map(({ datacenter }) => datacenter));
    others.delete(this.#datacenter);
    return [this.#datacenter, ...[...others].sort()];
  }

  datacenterMaps(): ReturnType<PoolsApi["datacenterMaps"]> {
    const byDatacenter = new Map<string, Coordinate[]>();
    for (const { name, shortName, datacenter } of this.#servers()) {
      const coordinate = this.#wan?.coordinateOf(name);
      const rows = byDatacenter.get(datacenter) ?? [];
      if (coordinate !== undefined) rows.push({ Node: shortName, Segment: "", Coord: networkCoordinate(coordinate) });
      byDatacenter.set(datacenter, rows);
    }
    return [...byDatacenter].map(([Datacenter, Coordinates]) => ({ Datacenter, AreaID: "wan", Coordinates }));
  }

  fireEvent(name: string, payload: Uint8Array | null): void {
    this.#lan.userEvent(`${USER_EVENT_PREFIX}${name}`, payload ?? new Uint8Array(0), false);
  }

  /** The WAN pool's answer comes first, as with Consul; a request that another server passed on is the LAN's alone. */
  async keyring(request: KeyringRequest): Promise<KeyringResponses> {
    const { Operation, LocalOnly, Forwarded } = request;
    if (LocalOnly && Operation !== "list")
      throw TribuneError.internal("argument error: LocalOnly can only be used for List operations");
    if (!OPERATIONS.includes(Operation)) throw TribuneError.internal(`unknown keyring operation: ${Operation}`);
    const responses: KeyringResponse[] = [];
    if (this.#wan !== undefined && !LocalOnly && !Forwarded)
      responses.push(await this.#keyringOf(this.#wan, true, request));
    responses.push(await this.#keyringOf(this.#lan, false, request));
    return make(KeyringResponses, { Responses: responses });
  }

  async #keyringOf(
    pool: GossipPool,
    WAN: boolean,
    { Operation, Key, RelayFactor }: KeyringRequest,
  ): Promise<KeyringResponse> {
    const common = { WAN, Datacenter: this.#datacenter };
    const bad = Operation === "list" ? -1 : firstBadBase64(Key);
    if (bad >= 0) return make(KeyringResponse, { ...common, Error: `illegal base64 data at input byte ${bad}` });
    let outcome: KeyringOutcome;
    try {
      outcome = await pool.keyring(Operation as KeyringOperation, Key, RelayFactor);
    } catch (error) {
      return make(KeyringResponse, { ...common, NumNodes: pool.members().length, Error: (error as Error).message });
    }
    const { messages, keys, primaryKeys, members, responses, errors } = outcome;
    const failed = errors > 0 ? `${errors}/${members} nodes reported failure` : "";
    const missing = responses < members ? `${responses}/${members} nodes reported success` : "";
    return make(KeyringResponse, {
      ...common,
      Messages: orNull(messages),
      Keys: Object.fromEntries(keys),
      PrimaryKeys: Object.fromEntries(primaryKeys),
      NumNodes: members,
      Error: failed || missing,
    });
  }

  #servers(): readonly ServerMember[] {
    return (this.#wan?.members() ?? []).flatMap((member) => {
      const server = member.status === "alive" ? serverOf(member, "wan") : undefined;
      return server === undefined ? [] : [server];
    });
  }
}

function orNull<V>(map: ReadonlyMap<string, V>): Readonly<Record<string, V>> | null {
  return map.size === 0 ? null : Object.fromEntries(map);
}
