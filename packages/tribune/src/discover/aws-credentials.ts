/**
 * Where AWS credentials come from, in go-discover's order: the expression, the environment, the shared file, the
 * container's endpoint or the instance's role.
 */
import type { DiscoverArgs } from "../codec/discover-text.ts";
import { askJson, jsonOf, textAt } from "./json.ts";
import { arg, METADATA_TIMEOUT_MS, type World } from "./provider.ts";
import type { AwsCredentials } from "./sigv4.ts";

/** A container's network may swallow the answer to it: then one goes on without. */
const TOKEN_TIMEOUT_MS = 1_000;
const CONTAINER_HOST = "http://169.254.170.2";
/** Whom a container's token may be sent to, beside loopback: ECS, and EKS in both protocols. */
const CREDENTIAL_HOSTS = new Set(["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]", "localhost", "[::1]"]);

/** @throws Error when there are none, with what was tried last */
export async function awsCredentials(args: DiscoverArgs, world: World, metadata: Ec2Metadata): Promise<AwsCredentials> {
  const { env } = world;
  const first = (...names: readonly string[]): string => names.map(env).find((value) => value !== "") ?? "";
  return (
    keys(arg(args, "access_key_id"), arg(args, "secret_access_key"), arg(args, "session_token")) ??
    keys(
      first("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY"),
      first("AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY"),
      env("AWS_SESSION_TOKEN"),
    ) ??
    (await fromSharedFile(world)) ??
    (await fromContainer(world)) ??
    (await metadata.credentials())
  );
}

function keys(accessKeyId = "", secretAccessKey = "", sessionToken = ""): AwsCredentials | undefined {
  if (accessKeyId === "" || secretAccessKey === "") return undefined;
  return { accessKeyId, secretAccessKey, ...(sessionToken === "" ? {} : { sessionToken }) };
}

async function fromSharedFile({ env, homeDir, readFile }: World): Promise<AwsCredentials | undefined> {
  const path = env("AWS_SHARED_CREDENTIALS_FILE") || `${homeDir()}/.aws/credentials`;
  const text = await readFile(path).catch(() => undefined); // as for Consul, one that cannot be read is none
  if (text === undefined) return undefined;
  const profile = iniSection(text, env("AWS_PROFILE") || "default");
  return keys(profile.get("aws_access_key_id"), profile.get("aws_secret_access_key"), profile.get("aws_session_token"));
}

function iniSection(text: string, wanted: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  let section = "";
  for (const line of text.split(/\r?\n/)) {
    const trimmed = line.trim();
    if (trimmed.startsWith("[") && trimmed.endsWith("]")) section = trimmed.slice(1, -1).trim();
    const equals = trimmed.indexOf("=");
    if (section !== wanted || equals <= 0 || /^[#;]/.test(trimmed)) continue;
    values.set(trimmed.slice(0, equals).trim().toLowerCase(), trimmed.slice(equals + 1).trim());
  }
  return values;
}

/** ECS tasks and EKS pods. */
async function fromContainer(world: World): Promise<AwsCredentials | undefined> {
  const full = world.env("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  const relative = world.env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  if (full === "" && relative === "") return undefined;
  const url = new URL(full === "" ? CONTAINER_HOST + relative : full);
  const isNear = CREDENTIAL_HOSTS.has(url.hostname) || /^127\.\d+\.\d+\.\d+$/.test(url.hostname);
  if (url.protocol !== "https:" && !isNear)
    throw new Error(
      `CredentialsEndpointError: invalid endpoint host, "${url.hostname}", only loopback hosts are allowed.`,
    );
  const tokenFile = world.env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  const token =
    tokenFile === ""
      ? world.env("AWS_CONTAINER_AUTHORIZATION_TOKEN")
      : ((await world.readFile(tokenFile)) ?? "").trim();
  const headers = { Accept: "application/json", ...(token === "" ? {} : { Authorization: token }) };
  return roleKeys(await askJson(world, { url: url.href, headers, timeoutMs: METADATA_TIMEOUT_MS }));
}

function roleKeys(answer: unknown): AwsCredentials {
  const found = keys(textAt(answer, "AccessKeyId"), textAt(answer, "SecretAccessKey"), textAt(answer, "Token"));
  if (found === undefined)
    throw new Error(`there are no credentials in the answer (${textAt(answer, "Code") ?? "no code"})`);
  return found;
}

/** The instance's own metadata (IMDSv2, and version 1 where the second is not had). */
export class Ec2Metadata {
  readonly #world: World;
  readonly #base: string;
  #token: string | undefined;

  constructor(world: World) {
    this.#world = world;
    const endpoint = world.env("AWS_EC2_METADATA_SERVICE_ENDPOINT") || "http://169.254.169.254";
    this.#base = `${endpoint.replace(/\/+$/, "")}/latest`;
  }

  /** Of the instance. @throws Error */
  async region(): Promise<string> {
    const region = textAt(await this.#json("/dynamic/instance-identity/document"), "region");
    if (region === undefined) throw new Error("there is no region in the instance identity document");
    return region;
  }

  /** Of the instance's role. @throws Error */
  async credentials(): Promise<AwsCredentials> {
    const path = "/meta-data/iam/security-credentials/";
    const role = (await this.#get(path)).trim().split("\n")[0]!;
    if (role === "") throw new Error("EC2RoleRequestError: the instance has no role");
    return roleKeys(await this.#json(path + encodeURIComponent(role)));
  }

  async #json(path: string): Promise<unknown> {
    return jsonOf(this.#base + path, await this.#get(path));
  }

  async #get(path: string): Promise<string> {
    if (this.#world.env("AWS_EC2_METADATA_DISABLED").toLowerCase() === "true")
      throw new Error("EC2 IMDS access disabled via AWS_EC2_METADATA_DISABLED env var");
    this.#token ??= await this.#askToken();
    const headers: Record<string, string> = this.#token === "" ? {} : { "X-aws-ec2-metadata-token": this.#token };
    const answer = await this.#world.send({ url: this.#base + path, headers, timeoutMs: METADATA_TIMEOUT_MS });
    if (answer.status !== 200) throw new Error(`instance metadata answered ${answer.status} for ${path}`);
    return answer.body;
  }

  /** Empty where there is none to be had. */
  async #askToken(): Promise<string> {
    const headers = { "X-aws-ec2-metadata-token-ttl-seconds": "21600" };
    const url = `${this.#base}/api/token`;
    try {
      const answer = await this.#world.send({ method: "PUT", url, headers, timeoutMs: TOKEN_TIMEOUT_MS });
      return answer.status === 200 ? answer.body : "";
    } catch {
      return ""; // version 1 does not know it, or its answer is one hop too far: the next request says what is wrong
    }
  }
}
