import type { Timers } from "../../lib/runtime.ts";
import { nodeTimers } from "../../net/node-runtime.ts";
import type { Probes } from "../probe.ts";
import { DockerProbe } from "./docker-probe.ts";
import { GrpcProbe } from "./grpc-probe.ts";
import { H2PingProbe } from "./h2ping-probe.ts";
import { HttpProbe } from "./http-probe.ts";
import { osServiceProbe } from "./os-service-probe.ts";
import { scriptProbe } from "./script-probe.ts";
import { TcpProbe } from "./tcp-probe.ts";
import { type AgentTls, ProbeTlsContexts } from "./tls.ts";
import { udpProbe } from "./udp-probe.ts";

export interface NodeProbesOptions {
  /** The agent's certificates, where checks shall use them (`enable_agent_tls_for_checks`). */
  readonly agentTls?: () => AgentTls | undefined;
  readonly timers?: Timers;
}

/** Probes on real sockets and processes. */
export function nodeProbes(options: NodeProbesOptions = {}): Probes {
  const tls = new ProbeTlsContexts(options.agentTls ?? (() => undefined));
  const { timers = nodeTimers } = options;
  return {
    http: new HttpProbe({ tls }),
    tcp: new TcpProbe({ tls }),
    udp: udpProbe,
    grpc: new GrpcProbe({ tls, timers }),
    h2ping: new H2PingProbe({ tls, timers }),
    script: scriptProbe,
    docker: new DockerProbe({ host: () => process.env.DOCKER_HOST ?? "" }),
    osService: osServiceProbe,
  };
}
