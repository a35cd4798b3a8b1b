import type { Logger } from "../lib/log.ts";
import type { Cancel, Runtime, Stream, UdpSocket } from "../lib/runtime.ts";
import { dogstatsdSink, type LineSink, statsdSink } from "../lib/telemetry/line-sinks.ts";

const RECONNECT_MS = 5_000;
const CONNECT_TIMEOUT_MS = 5_000;

/** Addresses are `host:port`, `[v6]:port` or `host` with the service's usual port; empty for a sink not wanted. */
export interface MetricSinkAddresses {
  readonly statsd: string;
  readonly statsite: string;
  readonly dogstatsd: string;
  readonly dogstatsdTags: readonly string[];
}

type SinkRuntime = Pick<Runtime, "timers" | "network">;

export interface MetricSinks {
  readonly sinks: readonly LineSink[];
  stop(): void;
}

/**
 * The sinks an operator has configured. statsd and dogstatsd get UDP packets, statsite a TCP stream that is
 * opened again five seconds after it broke; what is measured meanwhile is lost, as it is in Consul.
 */
export function openMetricSinks(addresses: MetricSinkAddresses, runtime: SinkRuntime, log: Logger): MetricSinks {
  const outputs: { stop(): void }[] = [];
  const sinks: LineSink[] = [];
  const add = (address: string, open: (host: string, port: number) => { sink: LineSink; stop(): void }): void => {
    if (address === "") return;
    const { host, port } = splitAddress(address, 8125);
    const { sink, stop } = open(host, port);
    sinks.push(sink);
    outputs.push({
      stop: () => {
        sink.stop();
        stop();
      },
    });
  };
  add(addresses.statsite, (host, port) => {
    const output = new TcpOutput(host, port, runtime, log);
    return { sink: statsdSink({ timers: runtime.timers, send: output.send }), stop: output.stop };
  });
  add(addresses.statsd, (host, port) => {
    const output = new UdpOutput(host, port, runtime, log);
    return { sink: statsdSink({ timers: runtime.timers, send: output.send }), stop: output.stop };
  });
  add(addresses.dogstatsd, (host, port) => {
    const output = new UdpOutput(host, port, runtime, log);
    const sink = dogstatsdSink(addresses.dogstatsdTags, { timers: runtime.timers, send: output.send });
    return { sink, stop: output.stop };
  });
  return { sinks, stop: () => outputs.forEach((output) => void output.stop()) };
}

export function splitAddress(address: string, portDefault: number): { host: string; port: number } {
  const found = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(address);
  if (found === null) return { host: address, port: portDefault };
  return { host: found[1] ?? found[2] ?? "", port: found[3] === undefined ? portDefault : Number(found[3]) };
}

class UdpOutput {
  private socket: UdpSocket | undefined;
  private stopped = false;
  private readonly host: string;
  private readonly port: number;

  constructor(host: string, port: number, { network }: SinkRuntime, log: Logger) {
    this.host = host;
    this.port = port;
    network
      .bindUdp(host.includes(":") ? "::" : "0.0.0.0", 0, () => {})
      .then((socket) => {
        this.socket = socket;
        if (this.stopped) this.stop();
      })
      .catch((error: unknown) => log.error("cannot open a socket for metrics", { error }));
  }

  readonly send = (lines: string): void => this.socket?.send(Buffer.from(lines), this.port, this.host);

  readonly stop = (): void => {
    this.stopped = true;
    // Closing a UDP socket has no outcome worth waiting for.
    void this.socket?.close();
  };
}

class TcpOutput {
  private stream: Stream | undefined;
  private slow = false;
  private stopped = false;
  private cancel: Cancel | undefined;
  private readonly connect: () => void;

  constructor(host: string, port: number, { network, timers }: SinkRuntime, log: Logger) {
    const retry = (error?: unknown): void => {
      this.stream = undefined;
      if (this.stopped) return;
      if (error !== undefined) log.error("cannot write metrics", { address: `${host}:${port}`, error });
      this.cancel = timers.after(RECONNECT_MS, this.connect);
    };
    this.connect = () => {
      network
        .connectTcp(host, port, CONNECT_TIMEOUT_MS)
        .then((stream) => {
          if (this.stopped) return stream.destroy();
          this.stream = stream;
          this.slow = false;
          stream.onDrain = () => {
            this.slow = false;
          };
          stream.onClose = retry;
        })
        .catch(retry);
    };
    this.connect();
  }

  readonly send = (lines: string): void => {
    // A reader that cannot keep up loses measurements rather than filling our memory.
    if (this.stream !== undefined && !this.slow) this.slow = !this.stream.write(Buffer.from(lines));
  };

  readonly stop = (): void => {
    this.stopped = true;
    this.cancel?.();
    this.stream?.end();
  };
}
