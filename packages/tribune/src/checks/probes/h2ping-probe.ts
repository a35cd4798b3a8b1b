import type { Cancel } from "../../lib/runtime.ts";
import type { H2PingRequest, Probe, ProbeResult } from "../probe.ts";
import { dialErrorText, dialTimeoutText } from "./go-errors.ts";
import { type Http2ProbeDependencies, runHttp2 } from "./http2-run.ts";

/** Connects with TLS, speaks HTTP/2 and waits for the answer to a PING. */
export class H2PingProbe implements Probe<H2PingRequest> {
  readonly #deps: Http2ProbeDependencies;

  constructor(deps: Http2ProbeDependencies) {
    this.#deps = deps;
  }

  run(request: H2PingRequest, done: (result: ProbeResult) => void): Cancel {
    const { target, timeoutMs, tls } = request;
    let connected = false;
    const failed = (dialing: string, pinging: string): ProbeResult => ({
      status: "critical",
      output: connected ? `HTTP2 ping failed: ${pinging}` : `Failed to dial to ${target}: ${dialing}`,
    });
    return runHttp2(
      {
        target,
        timeoutMs,
        tls,
        badTarget: (problem) => failed(`dial tcp: ${problem}`, problem),
        failed: (error) => {
          const text = dialErrorText("tcp", target, error);
          return failed(text, error.syscall === undefined ? error.message : text);
        },
        closed: () => failed("EOF", "EOF"),
        timedOut: () => failed(dialTimeoutText("tcp", target), "context deadline exceeded"),
        connected: (session, finish) => {
          connected = true;
          session.ping((error) => {
            // One that is given up is told before the connection's own end, which says why.
            if (error === null) finish({ status: "passing", output: "HTTP2 ping was successful" });
          });
        },
      },
      this.#deps,
      done,
    );
  }
}
