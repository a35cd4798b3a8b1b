import type { Cancel } from "../lib/runtime.ts";
import type { CheckStatus } from "./status.ts";

/** What one run of a check found. */
export interface ProbeResult {
  readonly status: CheckStatus;
  readonly output: string;
}

/**
 * One way of asking a target whether it is well. Production passes the ones in `probes/`, the simulator
 * its own; a probe holds no state between runs.
 */
export interface Probe<Request> {
  /**
   * Starts one run. `done` is called exactly once, never before `run` has returned; whatever goes wrong is a
   * critical result, not an exception. After the returned cancel, `done` is not called and nothing stays open.
   */
  run(request: Request, done: (result: ProbeResult) => void): Cancel;
}

/** How to speak TLS to a target. */
export interface ProbeTls {
  readonly skipVerify: boolean;
  /** Name to ask for and to verify; "" takes the target's host. */
  readonly serverName: string;
}

export interface HttpRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, readonly string[] | null>>;
  readonly body: string;
  readonly followRedirects: boolean;
  readonly tls: ProbeTls;
  readonly timeoutMs: number;
  /** The body's last bytes that are kept. */
  readonly maxOutputBytes: number;
}

export interface SocketRequest {
  /** `host:port`. */
  readonly target: string;
  readonly timeoutMs: number;
}

export interface TcpRequest extends SocketRequest {
  /** Absent: a plain connection is enough. */
  readonly tls?: ProbeTls | undefined;
}

export interface GrpcRequest extends SocketRequest {
  /** Service to ask about; "" is the server as a whole. */
  readonly service: string;
  /** `host:port` or `host:port/service` as it was written, for the output. */
  readonly label: string;
  readonly tls: ProbeTls | undefined;
}

export interface H2PingRequest extends SocketRequest {
  readonly tls: ProbeTls;
}

export interface ScriptRequest {
  readonly args: readonly string[];
  readonly timeoutMs: number;
  readonly maxOutputBytes: number;
}

export interface DockerRequest {
  readonly container: string;
  readonly args: readonly string[];
  readonly timeoutMs: number;
  readonly maxOutputBytes: number;
}

export interface OsServiceRequest {
  /** Unit name as the service manager knows it. */
  readonly service: string;
  readonly timeoutMs: number;
}

/** Everything a check may reach for outside. */
export interface Probes {
  readonly http: Probe<HttpRequest>;
  readonly tcp: Probe<TcpRequest>;
  readonly udp: Probe<SocketRequest>;
  readonly grpc: Probe<GrpcRequest>;
  readonly h2ping: Probe<H2PingRequest>;
  readonly script: Probe<ScriptRequest>;
  readonly docker: Probe<DockerRequest>;
  readonly osService: Probe<OsServiceRequest>;
}
