import * as net from "node:net";
import * as secure from "node:tls";
import type { Cancel } from "../../lib/runtime.ts";
import { nodeTimers } from "../../net/node-runtime.ts";
import type { Probe, ProbeResult, TcpRequest } from "../probe.ts";
import { dialErrorText, dialTimeoutText, splitHostPort } from "./go-errors.ts";
import type { ProbeTlsContexts } from "./tls.ts";

/** Passes when a connection comes about, and TLS upon it where that is asked for; nothing is sent. */
export class TcpProbe implements Probe<TcpRequest> {
  readonly #tls: ProbeTlsContexts;

  constructor({ tls }: { readonly tls: ProbeTlsContexts }) {
    this.#tls = tls;
  }

  run({ target, tls, timeoutMs }: TcpRequest, done: (result: ProbeResult) => void): Cancel {
    const address = splitHostPort(target);
    if ("problem" in address) {
      const refuse = setImmediate(() => done(critical(`dial tcp: ${address.problem}`)));
      return () => clearImmediate(refuse);
    }
    const host = address.host || "localhost";
    const socket =
      tls === undefined
        ? net.connect({ ...address, host })
        : secure.connect({ ...address, host, ...this.#tls.options(tls, host) });
    const up = tls === undefined ? "connect" : "secureConnect";
    const finish = (result: ProbeResult): void => {
      stop();
      done(result);
    };
    const cancelTimer = nodeTimers.after(timeoutMs, () => finish(critical(dialTimeoutText("tcp", target))));
    const stop = (): void => {
      cancelTimer();
      socket.removeAllListeners(up).removeAllListeners("error");
      socket.on("error", ignore); // whatever a socket that is given up still has to say
      socket.destroy();
    };
    socket.once(up, () => finish({ status: "passing", output: `TCP connect ${target}: Success` }));
    socket.once("error", (error) => finish(critical(dialErrorText("tcp", target, error))));
    return stop;
  }
}

const ignore = (): void => {};

function critical(output: string): ProbeResult {
  return { status: "critical", output };
}
