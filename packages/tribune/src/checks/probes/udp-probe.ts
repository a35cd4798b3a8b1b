import * as dgram from "node:dgram";
import { lookup } from "node:dns";
import { isIPv6 } from "node:net";
import { nodeTimers } from "../../net/node-runtime.ts";
import type { Probe, ProbeResult, SocketRequest } from "../probe.ts";
import { dialErrorText, splitHostPort } from "./go-errors.ts";

/**
 * Sends an empty datagram. An answer passes, and so does silence until the timeout: UDP servers need not
 * answer strangers. Only a refusal (ICMP port unreachable) or a failure to send is critical.
 */
export const udpProbe: Probe<SocketRequest> = {
  run({ target, timeoutMs }, done) {
    const address = splitHostPort(target);
    if ("problem" in address) {
      const refuse = setImmediate(() => done({ status: "critical", output: `dial udp: ${address.problem}` }));
      return () => clearImmediate(refuse);
    }
    let socket: dgram.Socket | undefined;
    let ended = false;
    const stop = (): void => {
      if (ended) return;
      ended = true;
      cancelTimer();
      socket?.removeAllListeners().on("error", ignore).close();
    };
    const finish = (result: ProbeResult): void => {
      if (ended) return;
      stop();
      done(result);
    };
    const failed = (error: Error): void => finish({ status: "critical", output: dialErrorText("udp", target, error) });
    const passed = (): void => finish({ status: "passing", output: `UDP connect ${target}: Success` });
    const cancelTimer = nodeTimers.after(timeoutMs, passed);

    lookup(address.host || "localhost", (error, host) => {
      if (ended) return;
      if (error !== null) {
        failed(error);
        return;
      }
      socket = dgram.createSocket(isIPv6(host) ? "udp6" : "udp4");
      socket.on("error", failed).on("message", passed);
      try {
        socket.connect(address.port, host, () => {
          if (!ended) socket?.send(Buffer.alloc(0), (sendError) => sendError !== null && failed(sendError));
        });
      } catch (error) {
        failed(error as Error); // port 0, which nobody can send to
      }
    });
    return stop;
  },
};

const ignore = (): void => {};
