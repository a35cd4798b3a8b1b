import * as http from "node:http";
import type { Cancel } from "../../lib/runtime.ts";
import { TailBuffer } from "../../lib/tail-buffer.ts";
import { nodeTimers } from "../../net/node-runtime.ts";
import type { DockerRequest, Probe, ProbeResult } from "../probe.ts";
import { dialErrorText, type SystemError } from "./go-errors.ts";

const DEFAULT_HOST = "unix:///var/run/docker.sock";
/** Docker's own JSON answers; what a command prints has the check's limit. */
const JSON_BYTES_MAX = 1024 * 1024;

/** Runs a command in a container through Docker's API; exit codes mean what they do for scripts. */
export class DockerProbe implements Probe<DockerRequest> {
  private readonly host: () => string;

  /** @param host DOCKER_HOST: `unix://PATH` or `tcp://HOST:PORT`; "" is the local socket. */
  constructor(deps: { host: () => string }) {
    this.host = deps.host;
  }

  run(request: DockerRequest, done: (result: ProbeResult) => void): Cancel {
    const abort = new AbortController();
    let ended = false;
    const finish = (result: ProbeResult): void => {
      if (ended) return;
      ended = true;
      cancelTimer();
      done(result);
    };
    const cancelTimer = nodeTimers.after(request.timeoutMs, () => {
      finish({ status: "critical", output: `Timed out running check in container ${request.container}` });
      abort.abort();
    });
    execute(this.host() || DEFAULT_HOST, abort.signal, request).then(finish, (error: Error) =>
      finish({ status: "critical", output: error.message }),
    );
    return () => {
      ended = true;
      cancelTimer();
      abort.abort();
    };
  }
}

async function execute(
  host: string,
  signal: AbortSignal,
  { container, args, maxOutputBytes }: DockerRequest,
): Promise<ProbeResult> {
  const client = new DockerClient(host, signal);
  const id = await createExec(client, container, args);
  const output = await startExec(client, container, id, maxOutputBytes);
  const code = await exitCode(client, container, id);
  const status = code === 0 ? "passing" : code === 1 ? "warning" : "critical";
  return { status, output };
}

async function createExec(client: DockerClient, container: string, args: readonly string[]): Promise<string> {
  const answer = await client
    .call("POST", `/containers/${encodeURIComponent(container)}/exec`, {
      AttachStdin: false,
      AttachStdout: true,
      AttachStderr: true,
      Tty: false,
      Cmd: args,
    })
    .catch((error: Error) => {
      throw new Error(`create exec failed for container ${container}: ${error.message}`);
    });
  if (answer.code === 404) throw new Error(`create exec failed for unknown container ${container}`);
  if (answer.code === 409) throw new Error(`create exec failed since container ${container} is paused or stopped`);
  if (answer.code !== 201)
    throw new Error(`create exec failed for container ${container} with status ${answer.code}: ${answer.body.text()}`);
  return String(parse(answer.body.text(), `create exec response for container ${container}`).Id ?? "");
}

async function startExec(client: DockerClient, container: string, id: string, maxBytes: number): Promise<string> {
  const answer = await client
    .call("POST", `/exec/${encodeURIComponent(id)}/start`, { Detach: false, Tty: true }, maxBytes)
    .catch((error: Error) => {
      throw new Error(`start exec failed for container ${container}: ${error.message}`);
    });
  if (answer.code === 404) throw new Error(`start exec failed for container ${container}: invalid exec id ${id}`);
  if (answer.code === 409) throw new Error(`start exec failed since container ${container} is paused or stopped`);
  if (answer.code !== 200)
    throw new Error(
      `start exec failed for container ${container} with status ${answer.code}: body: ${answer.body.text()}`,
    );
  return answer.body.labelledText();
}

async function exitCode(client: DockerClient, container: string, id: string): Promise<number> {
  const answer = await client.call("GET", `/exec/${encodeURIComponent(id)}/json`).catch((error: Error) => {
    throw new Error(`inspect exec failed for container ${container}: ${error.message}`);
  });
  if (answer.code === 404) throw new Error(`inspect exec failed for container ${container}: invalid exec id ${id}`);
  if (answer.code !== 200)
    throw new Error(`inspect exec failed for container ${container} with status ${answer.code}: ${answer.body.text()}`);
  return Number(parse(answer.body.text(), `inspect exec response for container ${container}`).ExitCode ?? 0);
}

function parse(text: string, what: string): { Id?: unknown; ExitCode?: unknown } {
  try {
    return JSON.parse(text) as { Id?: unknown; ExitCode?: unknown };
  } catch (error) {
    throw new Error(`${what} cannot be parsed: ${(error as Error).message}`);
  }
}

interface Answer {
  readonly code: number;
  readonly body: TailBuffer;
}

class DockerClient {
  private readonly where: http.RequestOptions;
  private readonly label: string;
  private readonly signal: AbortSignal;

  constructor(host: string, signal: AbortSignal) {
    const at = host.indexOf("://");
    const address = host.slice(at + 3);
    this.where = host.startsWith("unix://") ? { socketPath: address } : tcpAddress(address);
    this.label = address;
    this.signal = signal;
  }

  call(method: "GET" | "POST", path: string, body?: unknown, maxBytes = JSON_BYTES_MAX): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const json = body === undefined ? "" : JSON.stringify(body);
      const headers = {
        Host: "docker",
        ...(json === "" ? {} : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(json) }),
      };
      const sent = http.request({ ...this.where, method, path, headers, signal: this.signal, agent: false });
      let answered = false;
      sent.on("response", (response) => {
        answered = true;
        const kept = new TailBuffer(maxBytes);
        response.on("data", (chunk: Uint8Array) => kept.write(chunk));
        // Docker resets the connection of a finished exec now and then, after all of its output.
        response.on("error", ignore).on("close", () => resolve({ code: response.statusCode ?? 0, body: kept }));
      });
      sent.on("error", (error: SystemError) => answered || reject(new Error(dialErrorText("tcp", this.label, error))));
      sent.end(json);
    });
  }
}

function tcpAddress(address: string): http.RequestOptions {
  if (!URL.canParse(`http://${address}`))
    throw new Error(
      `unable to parse docker host ${JSON.stringify(address)}: set DOCKER_HOST to unix://PATH or tcp://HOST:PORT`,
    );
  const url = new URL(`http://${address}`);
  return { host: url.hostname, port: url.port === "" ? 2375 : Number(url.port) };
}

const ignore = (): void => {};
