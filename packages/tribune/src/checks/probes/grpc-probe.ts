import type * as http2 from "node:http2";
import type { Cancel } from "../../lib/runtime.ts";
import type { GrpcRequest, Probe, ProbeResult } from "../probe.ts";
import { dialErrorText, handshakeText, type SystemError } from "./go-errors.ts";
import { decodeHealthStatus, encodeHealthRequest, frameMessage, STATUS_CODE_NAMES } from "./grpc-health.ts";
import { type Http2ProbeDependencies, runHttp2 } from "./http2-run.ts";

/** The largest answer that is read; a health answer has two bytes. */
const MAX_MESSAGE_BYTES = 4096;

/** Asks `grpc.health.v1.Health/Check`; only SERVING passes. */
export class GrpcProbe implements Probe<GrpcRequest> {
  readonly #deps: Http2ProbeDependencies;

  constructor(deps: Http2ProbeDependencies) {
    this.#deps = deps;
  }

  run(request: GrpcRequest, done: (result: ProbeResult) => void): Cancel {
    const { target, timeoutMs, tls, label } = request;
    return runHttp2(
      {
        target,
        timeoutMs,
        tls,
        badTarget: (problem) => critical(unavailable(`dial tcp: ${problem}`)),
        failed: (error) => critical(unavailable(certificateHandshake(error) ?? dialErrorText("tcp", target, error))),
        closed: () => critical(unavailable("transport is closing")),
        timedOut: () => critical("rpc error: code = DeadlineExceeded desc = context deadline exceeded"),
        connected: (session, finish) =>
          ask(session, request, (problem) => {
            if (problem !== undefined) finish(critical(problem));
            else finish({ status: "passing", output: `gRPC check ${label}: success` });
          }),
      },
      this.#deps,
      done,
    );
  }
}

const critical = (output: string): ProbeResult => ({ status: "critical", output });

function ask(session: http2.ClientHttp2Session, request: GrpcRequest, finish: (problem?: string) => void): void {
  const stream = session.request({
    ":method": "POST",
    ":path": "/grpc.health.v1.Health/Check",
    "content-type": "application/grpc",
    te: "trailers",
    "user-agent": "Consul Health Check",
    "grpc-timeout": `${Math.ceil(request.timeoutMs)}m`,
  });
  const chunks: Buffer[] = [];
  let bytes = 0;
  let outcome: http2.IncomingHttpHeaders = {};
  stream.on("response", (headers) => {
    outcome = headers;
    const code = Number(headers[":status"]);
    if (code !== 200) finish(`rpc error: code = ${httpCodeName(code)} desc = ${httpText(code)}`);
  });
  stream.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= MAX_MESSAGE_BYTES) chunks.push(chunk);
    else
      finish(
        `rpc error: code = ResourceExhausted desc = grpc: received message larger than max (${bytes} vs. ${MAX_MESSAGE_BYTES})`,
      );
  });
  stream.on("trailers", (trailers) => {
    outcome = { ...outcome, ...trailers };
  });
  stream.on("error", (error) => finish(unavailable(error.message)));
  stream.on("close", () => finish(judge(outcome, Buffer.concat(chunks), request.label)));
  stream.end(frameMessage(encodeHealthRequest(request.service)));
}

/** @returns what is wrong, in the words of Go's gRPC client, or undefined where the service is well. */
function judge(outcome: http2.IncomingHttpHeaders, body: Uint8Array, label: string): string | undefined {
  const code = outcome["grpc-status"];
  if (code === undefined) return unavailable("transport is closing");
  if (code !== "0") {
    const name = STATUS_CODE_NAMES[Number(code)] ?? `Code(${String(code)})`;
    return `rpc error: code = ${name} desc = ${decodeMessage(String(outcome["grpc-message"] ?? ""))}`;
  }
  const status = decodeHealthStatus(body);
  if (status === undefined) return "rpc error: code = Internal desc = cannot read the health answer";
  return status === "SERVING" ? undefined : `gRPC ${label} serving status: ${status}`;
}

/** Each `%XX` is a byte, also where the bytes are no UTF-8: whoever answers is not to be trusted with a URIError. */
function decodeMessage(text: string): string {
  const bytes = text.replaceAll(/%([0-9a-fA-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(bytes, "latin1").toString();
}

function unavailable(reason: string): string {
  return `rpc error: code = Unavailable desc = connection error: desc = "transport: ${
    reason.startsWith("dial ") ? "Error while dialing " : ""
  }${reason}"`;
}

function certificateHandshake(error: SystemError): string | undefined {
  const text = handshakeText(error);
  return text === undefined ? undefined : `authentication handshake failed: ${text}`;
}

function httpCodeName(code: number): string {
  if (code === 401) return "Unauthenticated";
  if (code === 403) return "PermissionDenied";
  if (code === 404) return "Unimplemented";
  return code === 429 || (code >= 502 && code <= 504) ? "Unavailable" : "Unknown";
}

function httpText(code: number): string {
  return `unexpected HTTP status code received from server: ${code}`;
}
