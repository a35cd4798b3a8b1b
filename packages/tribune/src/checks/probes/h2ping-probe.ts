import * as http2 from "node:http2";
import type { Cancel } from "../../lib/runtime.ts";
import type { H2PingRequest, Probe, ProbeResult } from "../probe.ts";
import { dialErrorText, dialTimeoutText, type SystemError, splitHostPort } from "./go-errors.ts";
import type { ProbeTlsContexts } from "./tls.ts";

/** Connects with TLS, speaks HTTP/2 and waits for the answer to a PING. */
export class H2PingProbe implements Probe<H2PingRequest> {
  private readonly tls: ProbeTlsContexts;

  constructor(deps: { tls: ProbeTlsContexts }) {
    this.tls = deps.tls;
  }

  run(request: H2PingRequest, done: (result: ProbeResult) => void): Cancel {
    const { target, timeoutMs } = request;
    const address = splitHostPort(target);
    if ("problem" in address) {
      const output = `Failed to dial to ${target}: dial tcp: ${address.problem}`;
      const refuse = setImmediate(() => done({ status: "critical", output }));
      return () => clearImmediate(refuse);
    }
    const host = address.host || "localhost";
    const session = http2.connect(`https://${host.includes(":") ? `[${host}]` : host}:${address.port}`, {
      ...this.tls.options(request.tls, host),
      ALPNProtocols: ["h2"],
    });
    let connected = false;
    let ended = false;
    const stop = (): void => {
      ended = true;
      clearTimeout(timer);
      session.removeAllListeners("error").on("error", ignore);
      session.destroy();
    };
    const finish = (result: ProbeResult): void => {
      if (ended) return;
      stop();
      done(result);
    };
    const failed = (dialing: string, pinging: string): void =>
      finish({
        status: "critical",
        output: connected ? `HTTP2 ping failed: ${pinging}` : `Failed to dial to ${target}: ${dialing}`,
      });
    const timer = setTimeout(() => failed(dialTimeoutText("tcp", target), "context deadline exceeded"), timeoutMs);
    session.on("error", (error: SystemError) => failed(dialErrorText("tcp", target, error), error.message));
    session.on("close", () => failed("EOF", "EOF"));
    session.on("connect", () => {
      connected = true;
      session.ping((error) => {
        if (error === null) finish({ status: "passing", output: "HTTP2 ping was successful" });
        else failed(error.message, error.message);
      });
    });
    return stop;
  }
}

const ignore = (): void => {};
