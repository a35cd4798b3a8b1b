import * as net from "node:net";
import type { Probe, ProbeResult, SocketRequest } from "../probe.ts";
import { dialErrorText, dialTimeoutText, splitHostPort } from "./go-errors.ts";

/** Passes when a connection comes about; nothing is sent. */
export const tcpProbe: Probe<SocketRequest> = {
  run({ target, timeoutMs }, done) {
    const address = splitHostPort(target);
    if ("problem" in address) {
      const refuse = setImmediate(() => done(critical(`dial tcp: ${address.problem}`)));
      return () => clearImmediate(refuse);
    }
    const socket = net.connect({ ...address, host: address.host || "localhost" });
    const finish = (result: ProbeResult): void => {
      stop();
      done(result);
    };
    const timer = setTimeout(() => finish(critical(dialTimeoutText("tcp", target))), timeoutMs);
    const stop = (): void => {
      clearTimeout(timer);
      socket.removeAllListeners("connect").removeAllListeners("error");
      socket.on("error", ignore); // whatever a socket that is given up still has to say
      socket.destroy();
    };
    socket.once("connect", () => finish({ status: "passing", output: `TCP connect ${target}: Success` }));
    socket.once("error", (error) => finish(critical(dialErrorText("tcp", target, error))));
    return stop;
  },
};

const ignore = (): void => {};

function critical(output: string): ProbeResult {
  return { status: "critical", output };
}
