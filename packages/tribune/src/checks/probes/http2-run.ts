import * as http2 from "node:http2";
import type { Cancel, Timers } from "../../lib/runtime.ts";
import type { ProbeResult, ProbeTls } from "../probe.ts";
import { type SystemError, splitHostPort } from "./go-errors.ts";
import type { ProbeTlsContexts } from "./tls.ts";

/** What the probes that speak HTTP/2 have in common. */
export interface Http2ProbeDependencies {
  readonly tls: ProbeTlsContexts;
  readonly timers: Timers;
}

/** Where to connect, and what each way a run can go comes to. */
export interface Http2Run {
  /** `host:port`. */
  readonly target: string;
  readonly timeoutMs: number;
  /** Undefined for HTTP/2 in plain text. */
  readonly tls: ProbeTls | undefined;
  /** The target cannot even be read; `problem` is Go's text. */
  badTarget(problem: string): ProbeResult;
  connected(session: http2.ClientHttp2Session, finish: (result: ProbeResult) => void): void;
  failed(error: SystemError): ProbeResult;
  closed(): ProbeResult;
  timedOut(): ProbeResult;
}

/** Carries a run out under the rules of `Probe.run`: one result at most, and nothing is left open after it. */
export function runHttp2(
  run: Http2Run,
  { tls, timers }: Http2ProbeDependencies,
  done: (result: ProbeResult) => void,
): Cancel {
  let ended = false;
  const address = splitHostPort(run.target);
  if ("problem" in address) {
    timers.soon(() => {
      if (!ended) done(run.badTarget(address.problem));
    });
    return () => {
      ended = true;
    };
  }
  const host = address.host || "localhost";
  const scheme = run.tls === undefined ? "http" : "https";
  const session = http2.connect(
    `${scheme}://${host.includes(":") ? `[${host}]` : host}:${address.port}`,
    run.tls === undefined ? {} : { ...tls.options(run.tls, host), ALPNProtocols: ["h2"] },
  );
  const stop = (): void => {
    ended = true;
    cancelTimer();
    // Being torn down is no news.
    session.removeAllListeners("error").on("error", () => {});
    session.destroy();
  };
  const finish = (result: ProbeResult): void => {
    if (ended) return;
    stop();
    done(result);
  };
  const cancelTimer = timers.after(run.timeoutMs, () => finish(run.timedOut()));
  session.on("error", (error: SystemError) => finish(run.failed(error)));
  session.on("close", () => finish(run.closed()));
  // Not before it is connected: a request that waits for a failing connection hides why it failed.
  session.once("connect", () => {
    // Node says so of one that was torn down meanwhile too, and throws where that is asked for something.
    if (!ended && !session.destroyed) run.connected(session, finish);
  });
  return stop;
}
