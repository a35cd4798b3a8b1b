/** Puts the RPC side of a server together: its methods, what it forwards, snapshots and subscriptions. */
import type { SnapshotApi } from "../endpoints/agent-api.ts";
import { TribuneError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { Runtime } from "../lib/runtime.ts";
import { GrpcServer } from "../rpc/grpc-server.ts";
import { serveSnapshots } from "../rpc/snapshot-stream.ts";
import type { RpcPool, RpcTarget, ServerPort } from "../rpc/types.ts";
import { Forwarding } from "./forwarding.ts";
import { LeaderCalls } from "./leader-calls.ts";
import { NO_REQUEST_LIMITS, RequestLimits, type RequestLimitsConfig } from "./request-limits.ts";
import { type ForwardDatacenter, RpcService } from "./rpc-service.ts";
import type { Server } from "./server.ts";
import { splitHostPort } from "./server-directory.ts";
import { ServerSnapshots } from "./server-snapshots.ts";
import { Subscriptions } from "./subscriptions.ts";

export interface ServerRpcDependencies {
  readonly server: Server;
  readonly identity: { readonly id: string; readonly datacenter: string };
  readonly pool: RpcPool;
  readonly runtime: Pick<Runtime, "clock" | "timers" | "rng">;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** `rpc_hold_timeout` */
  readonly holdMs: number;
  /** Absent: as much as can be done. */
  readonly requestLimits?: RequestLimitsConfig;
  /** Absent: there is no path to any. */
  readonly forwardDatacenter?: ForwardDatacenter;
}

export class ServerRpc {
  readonly backend: Forwarding;
  readonly snapshots: SnapshotApi;
  readonly limits: RequestLimits;
  readonly #service: RpcService;
  readonly #snapshots: ServerSnapshots;
  readonly #leaderCalls: LeaderCalls;
  readonly #server: Server;
  readonly #grpc: GrpcServer;

  constructor(dependencies: ServerRpcDependencies) {
    const { server, identity, pool, runtime, logger, metrics, holdMs } = dependencies;
    const { datacenter } = identity;
    this.#server = server;
    const leader = (): RpcTarget | undefined => leaderOf(server, identity);
    this.#leaderCalls = new LeaderCalls(holdMs, {
      leads: () => server.isLeader,
      onLeader: (run) => server.onLeader(run),
      leader,
      pool,
      runtime,
      metrics,
      logger: logger.named("rpc"),
    });
    this.limits = new RequestLimits(dependencies.requestLimits ?? NO_REQUEST_LIMITS, {
      clock: runtime.clock,
      logger: logger.named("rpc-rate-limit"),
      metrics,
      leads: () => server.isLeader,
    });
    const forwardDatacenter: ForwardDatacenter =
      dependencies.forwardDatacenter ??
      ((_datacenter, _call, done) => {
        done(TribuneError.of("NO_DC_PATH"));
        return () => {};
      });
    const { limits } = this;
    const common = { server, datacenter, leaderCalls: this.#leaderCalls, limits, forwardDatacenter };
    this.#service = new RpcService({ ...common, logger: logger.named("rpc"), metrics, clock: runtime.clock });
    this.backend = new Forwarding({ ...common, service: this.#service, runtime });
    this.#snapshots = new ServerSnapshots({ server, datacenter, pool, leader });
    this.snapshots = this.#snapshots;
    this.#grpc = new GrpcServer(new Subscriptions(server, datacenter).handle);
  }

  /** Before the port listens. */
  serve(port: ServerPort): void {
    port.handle("rpc", this.#service.handle);
    port.handle("raft", (stream) => this.#server.acceptRaft(stream));
    port.handle("snapshot", (stream) => serveSnapshots(stream, this.#snapshots.served));
    port.handle("grpc", (stream) => this.#grpc.handle(stream));
  }

  /** This server is on its way out: it holds nobody any more. */
  leave(): void {
    this.#leaderCalls.leave();
  }

  /** Ends what goes on by itself. The port and the pool are their owners' to close. */
  stop(): void {
    this.#leaderCalls.leave();
    this.#grpc.close();
  }
}

/**
 * Where the leader is, if it is another server: as the members say, else as Raft does. Raft alone says who leads: one that
 * gossip has as failed for a while may lead all the same.
 */
export function leaderOf(
  { operator }: { readonly operator: Pick<Server["operator"], "leaderId" | "leaderMember" | "leaderAddress"> },
  { id, datacenter }: { readonly id: string; readonly datacenter: string },
): RpcTarget | undefined {
  const { leaderId } = operator;
  if (leaderId === undefined || leaderId === id) return undefined;
  const member = operator.leaderMember();
  if (member !== undefined) return { name: member.shortName, host: member.host, port: member.port, datacenter };
  const address = operator.leaderAddress();
  return address === "" ? undefined : { name: leaderId, ...splitHostPort(address), datacenter };
}
