import type { Probes } from "../probe.ts";
import { DockerProbe } from "./docker-probe.ts";
import { GrpcProbe } from "./grpc-probe.ts";
import { H2PingProbe } from "./h2ping-probe.ts";
import { HttpProbe } from "./http-probe.ts";
import { osServiceProbe } from "./os-service-probe.ts";
import { scriptProbe } from "./script-probe.ts";
import { tcpProbe } from "./tcp-probe.ts";
import { type AgentTls, ProbeTlsContexts } from "./tls.ts";
import { udpProbe } from "./udp-probe.ts";

export interface NodeProbesOptions {
  /** The agent's certificates, where checks shall use them (`enable_agent_tls_for_checks`). */
  readonly agentTls?: () => AgentTls | undefined;
}

/** Probes on real sockets and processes. */
export function nodeProbes(options: NodeProbesOptions = {}): Probes {
  const tls = new ProbeTlsContexts(options.agentTls ?? (() => undefined));
  return {
    http: new HttpProbe({ tls }),
    tcp: tcpProbe,
    udp: udpProbe,
    grpc: new GrpcProbe({ tls }),
    h2ping: new H2PingProbe({ tls }),
    script: scriptProbe,
    docker: new DockerProbe({ host: () => process.env.DOCKER_HOST ?? "" }),
    osService: osServiceProbe,
  };
}
