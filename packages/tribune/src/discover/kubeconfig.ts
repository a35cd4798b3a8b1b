/** How to reach a Kubernetes API: a kubeconfig file, or what every pod is given. */
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import { at, listAt, textAt } from "./json.ts";
import type { WebRequest, World } from "./provider.ts";

export interface KubernetesApi {
  /** Without a slash at its end. */
  readonly server: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: NonNullable<WebRequest["tls"]>;
}

const POD_FILES = "/var/run/secrets/kubernetes.io/serviceaccount";

/** The file first, as client-go's `BuildConfigFromFlags` is called by go-discover; then the pod. @throws Error */
export async function kubernetesApi(path: string, world: World): Promise<KubernetesApi> {
  let why: string;
  try {
    return await fromFile(path || world.env("KUBECONFIG") || `${world.homeDir()}/.kube/config`, world);
  } catch (error) {
    why = `error loading kubeconfig: ${(error as Error).message}`;
  }
  try {
    return await fromPod(world);
  } catch (error) {
    throw new Error(`${why}; error loading in-cluster config: ${(error as Error).message}`);
  }
}

async function fromPod({ env, readFile }: World): Promise<KubernetesApi> {
  const [host, port] = [env("KUBERNETES_SERVICE_HOST"), env("KUBERNETES_SERVICE_PORT")];
  if (host === "" || port === "")
    throw new Error(
      "unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined",
    );
  const token = await readFile(`${POD_FILES}/token`);
  if (token === undefined) throw new Error(`open ${POD_FILES}/token: no such file or directory`);
  const ca = await readFile(`${POD_FILES}/ca.crt`);
  return {
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    headers: { Authorization: `Bearer ${token.trim()}` },
    tls: ca === undefined ? {} : { ca },
  };
}

async function fromFile(path: string, world: World): Promise<KubernetesApi> {
  const text = await world.readFile(path);
  if (text === undefined) throw new Error(`stat ${path}: no such file or directory`);
  let config: unknown;
  try {
    // Its warnings, which go to the process' own output, show the lines that they are about.
    config = parse(text, { maxAliasCount: 100, logLevel: "error" });
  } catch {
    throw new Error(`${path} is not YAML`); // the parser's own words may show some of it
  }
  const contextName = textAt(config, "current-context");
  if (contextName === undefined) throw new Error(`${path} has no current-context`);
  const context = named(config, "contexts", contextName, "context");
  const cluster = named(config, "clusters", textAt(context, "cluster"), "cluster");
  const user = named(config, "users", textAt(context, "user"), "user");
  const server = textAt(cluster, "server")?.replace(/\/+$/, "");
  if (server === undefined) throw new Error(`the cluster of context "${contextName}" has no server`);
  const near: Near = { world, directory: dirname(path) };
  const tls = {
    ca: await pem(cluster, "certificate-authority", near),
    cert: await pem(user, "client-certificate", near),
    key: await pem(user, "client-key", near),
    serverName: textAt(cluster, "tls-server-name"),
    verify: at(cluster, "insecure-skip-tls-verify") === true ? false : undefined,
  };
  const given = Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined));
  return { server, headers: await authorization(user, near), tls: given };
}

interface Near {
  readonly world: World;
  /** What relative paths in the file start from. */
  readonly directory: string;
}

function named(config: unknown, list: string, name: string | undefined, content: string): unknown {
  if (name === undefined) return undefined;
  return at(
    listAt(config, list).find((one) => at(one, "name") === name),
    content,
  );
}

/** `x-data` holds it in base64, `x` names a file. */
async function pem(from: unknown, name: string, near: Near): Promise<string | undefined> {
  const data = textAt(from, `${name}-data`);
  if (data !== undefined) return Buffer.from(data, "base64").toString();
  const path = textAt(from, name);
  return path === undefined ? undefined : fileText(path, near);
}

async function fileText(path: string, { world, directory }: Near): Promise<string> {
  const text = await world.readFile(resolve(directory, path));
  if (text === undefined) throw new Error(`open ${path}: no such file or directory`);
  return text;
}

async function authorization(user: unknown, near: Near): Promise<Readonly<Record<string, string>>> {
  const tokenFile = textAt(user, "tokenFile");
  const token = tokenFile === undefined ? textAt(user, "token") : (await fileText(tokenFile, near)).trim();
  if (token !== undefined) return { Authorization: `Bearer ${token}` };
  const name = textAt(user, "username");
  if (name !== undefined) {
    const pair = `${name}:${textAt(user, "password") ?? ""}`;
    return { Authorization: `Basic ${Buffer.from(pair).toString("base64")}` };
  }
  for (const way of ["exec", "auth-provider"])
    if (at(user, way) !== undefined)
      throw new Error(`the user's credentials come from "${way}", which is not run; give it a token or a certificate`);
  return {};
}
