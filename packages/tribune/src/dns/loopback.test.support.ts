import { createSocket } from "node:dgram";
import { connect, createServer, isIPv6, type Socket } from "node:net";
import { performance } from "node:perf_hooks";
import type { Network, Runtime, Stream } from "../lib/runtime.ts";

/** Real sockets for tests and benchmarks of this room; production has its own runtime. */
export const loopbackNetwork: Network = {
  listenTcp: (host, port, onStream) =>
    new Promise((resolve, reject) => {
      const server = createServer({ allowHalfOpen: true }, (socket) => onStream(streamOf(socket)));
      server.once("error", reject);
      server.listen(port, host, () => {
        const bound = server.address() as { port: number };
        const close = (): Promise<void> => new Promise((done) => server.close(() => done()));
        resolve({ address: { host, port: bound.port }, close });
      });
    }),
  connectTcp: (host, port, timeoutMs) =>
    new Promise((resolve, reject) => {
      const socket = connect({ host, port });
      const timer = setTimeout(() => socket.destroy(new Error("connect timeout")), timeoutMs);
      socket.once("error", reject);
      socket.once("connect", () => {
        clearTimeout(timer);
        socket.off("error", reject);
        resolve(streamOf(socket));
      });
    }),
  bindUdp: (host, port, onPacket) =>
    new Promise((resolve, reject) => {
      const socket = createSocket({
        type: isIPv6(host) ? "udp6" : "udp4",
        // Senders are addresses already; the default lookup would cost a turn of the loop for each packet.
        lookup: (address, _options, done) => done(null, address, isIPv6(address) ? 6 : 4),
      });
      let isClosed = false;
      socket.once("error", reject);
      socket.on("message", (packet, { port: fromPort, address }) => onPacket(packet, fromPort, address));
      socket.bind(port, host, () => {
        socket.off("error", reject);
        // A client that has gone away answers with ICMP; UDP servers live with that.
        socket.on("error", () => {});
        resolve({
          address: { host, port: socket.address().port },
          send: (packet, toPort, toHost) => {
            if (!isClosed) socket.send(packet, toPort, toHost);
          },
          close: () => {
            isClosed = true;
            return new Promise((done) => socket.close(() => done()));
          },
        });
      });
    }),
};

function streamOf(socket: Socket): Stream {
  const ignore = (): void => {};
  const stream: Stream = {
    remoteAddress: socket.remoteAddress ?? "",
    localAddress: socket.localAddress ?? "",
    onData: ignore,
    onEnd: ignore,
    onClose: ignore,
    onDrain: ignore,
    write: (chunk) => socket.write(chunk),
    end: () => socket.end(),
    destroy: () => socket.destroy(),
  };
  let failure: Error | undefined;
  socket.on("data", (chunk: Buffer) => stream.onData(chunk));
  socket.on("end", () => stream.onEnd());
  socket.on("drain", () => stream.onDrain());
  socket.on("error", (error) => {
    failure = error;
  });
  socket.on("close", () => stream.onClose(failure));
  return stream;
}

/** A runtime with real time, timers, chance and sockets, and no disk. */
export const loopbackRuntime: Pick<Runtime, "clock" | "timers" | "rng" | "network"> = {
  clock: { nowMs: () => performance.now(), wallMs: () => Date.now() },
  timers: {
    after: (delayMs, run) => {
      const timer = setTimeout(run, delayMs);
      return () => clearTimeout(timer);
    },
    soon: (run) => void setImmediate(run),
  },
  rng: {
    next: Math.random,
    bytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(Math.random() * 256)),
  },
  network: loopbackNetwork,
};
