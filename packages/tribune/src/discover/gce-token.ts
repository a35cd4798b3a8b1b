/** A token for Google's APIs: a credentials file, or the instance's own service account. */
import { createSign } from "node:crypto";
import { askJson, textAt } from "./json.ts";
import { METADATA_TIMEOUT_MS, type World } from "./provider.ts";

const SCOPE = "https://www.googleapis.com/auth/compute";
const TOKEN_URL = "https://oauth2.googleapis.com/token";
const LIFETIME_S = 3600;

/** @param file of the expression; empty: where the environment says, the known place, the metadata. @throws Error */
export async function gceToken(file: string, world: World): Promise<string> {
  const answer = await granted(file, world);
  const token = textAt(answer, "access_token");
  if (token === undefined) throw new Error("there is no access token in the answer");
  return token;
}

async function granted(file: string, world: World): Promise<unknown> {
  if (file !== "") return ofServiceAccount(await credentials(file, world), world);
  const named = world.env("GOOGLE_APPLICATION_CREDENTIALS");
  const known = `${world.homeDir()}/.config/gcloud/application_default_credentials.json`;
  if (named === "" && (await world.readFile(known)) === undefined)
    return askJson(world, {
      url: `${gceMetadata(world)}/instance/service-accounts/default/token`,
      headers: { "Metadata-Flavor": "Google" },
      timeoutMs: METADATA_TIMEOUT_MS,
    });
  const found = await credentials(named || known, world);
  return textAt(found, "type") === "authorized_user" ? ofUser(found, world) : ofServiceAccount(found, world);
}

/** Without the version's path, as Google's libraries take it from the environment. */
export function gceMetadata({ env }: World): string {
  return `http://${env("GCE_METADATA_HOST") || "metadata.google.internal"}/computeMetadata/v1`;
}

async function credentials(path: string, { readFile }: World): Promise<unknown> {
  const text = await readFile(path);
  if (text === undefined) throw new Error(`open ${path}: no such file or directory`);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Error(`${path} is no JSON`); // the parser's own words may show some of it
  }
}

/** Signs for itself (RFC 7523 §2.1). */
function ofServiceAccount(found: unknown, world: World): Promise<unknown> {
  const type = textAt(found, "type") ?? "";
  if (type !== "service_account")
    throw new Error(`google: read JWT from JSON credentials: 'type' field is "${type}" (expected "service_account")`);
  const [email, key] = [textAt(found, "client_email"), textAt(found, "private_key")];
  if (email === undefined || key === undefined) throw new Error("client_email or private_key is missing");
  const url = textAt(found, "token_uri") ?? TOKEN_URL;
  const issued = Math.floor(world.wallMs() / 1000);
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const header = part({ alg: "RS256", typ: "JWT", kid: textAt(found, "private_key_id") });
  const claims = part({ iss: email, scope: SCOPE, aud: url, iat: issued, exp: issued + LIFETIME_S });
  const signature = createSign("RSA-SHA256").update(`${header}.${claims}`).sign(key, "base64url");
  const assertion = `${header}.${claims}.${signature}`;
  return exchange(url, { grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion }, world);
}

/** What `gcloud auth application-default login` leaves behind. */
function ofUser(found: unknown, world: World): Promise<unknown> {
  const form = {
    grant_type: "refresh_token",
    client_id: textAt(found, "client_id") ?? "",
    client_secret: textAt(found, "client_secret") ?? "",
    refresh_token: textAt(found, "refresh_token") ?? "",
  };
  return exchange(TOKEN_URL, form, world);
}

function exchange(url: string, form: Readonly<Record<string, string>>, world: World): Promise<unknown> {
  const headers = { "Content-Type": "application/x-www-form-urlencoded", Accept: "application/json" };
  return askJson(world, { method: "POST", url, headers, body: new URLSearchParams(form).toString() });
}
