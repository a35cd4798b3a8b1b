/** Microsoft Azure: network interfaces with a tag, or those of a scale set (Microsoft.Network, API 2015-06-15). */
import type { DiscoverArgs } from "../codec/discover-text.ts";
import { askJson, at, listAt, textAt } from "./json.ts";
import { arg, METADATA_TIMEOUT_MS, type Provider, pages, type World } from "./provider.ts";

const MANAGEMENT = "https://management.azure.com";
const RESOURCE = `${MANAGEMENT}/`;
const LOGIN = "https://login.microsoftonline.com";
const METADATA = "http://169.254.169.254";
const API_VERSION = "2015-06-15";

export const azure: Provider = async (args, world) => {
  const token = await accessToken(args, world);
  const tag = { name: arg(args, "tag_name"), value: arg(args, "tag_value") };
  const group = arg(args, "resource_group");
  const scaleSet = arg(args, "vm_scale_set");
  const subscription = encodeURIComponent(argOrEnv(args, "subscription_id", world, "ARM_SUBSCRIPTION_ID"));
  let path = `/subscriptions/${subscription}`;
  const byTag = tag.name !== "" && tag.value !== "" && group === "" && scaleSet === "";
  if (byTag) path += "/providers/Microsoft.Network/networkInterfaces";
  else if (group !== "" && scaleSet !== "" && tag.name === "" && tag.value === "")
    path += `/resourceGroups/${encodeURIComponent(group)}/providers/microsoft.Compute/virtualMachineScaleSets/${encodeURIComponent(scaleSet)}/networkInterfaces`;
  else
    throw new Error(
      "discover-azure: unclear configuration. use (tag name and value) or (resouce_group and vm_scale_set)",
    );
  const found = await interfaces(`${MANAGEMENT}${path}?api-version=${API_VERSION}`, token, world);
  if (found.length === 0) throw new Error("discover-azure: no interfaces");
  return found.flatMap((one) => {
    // Tags may be called anything.
    if (byTag && at(one, "tags", tag.name) !== tag.value) return [];
    const configurations = listAt(one, "properties", "ipConfigurations");
    return configurations.flatMap((each) => textAt(each, "properties", "privateIPAddress") ?? []);
  });
};

async function interfaces(url: string, token: string, world: World): Promise<readonly unknown[]> {
  const headers = { Authorization: `Bearer ${token}`, Accept: "application/json" };
  const found: unknown[] = [];
  try {
    await pages(url, async (page) => {
      const answer = await askJson(world, { url: page, headers });
      found.push(...listAt(answer, "value"));
      const next = textAt(answer, "nextLink");
      // The token goes to nobody else.
      if (next !== undefined && !next.startsWith(RESOURCE)) throw new Error("the next page is at another host");
      return next;
    });
  } catch (error) {
    throw new Error(`discover-azure: ${(error as Error).message}`);
  }
  return found;
}

/** One that is in the expression counts, be it empty. */
function argOrEnv(args: DiscoverArgs, name: string, { env }: World, variable: string): string {
  return args.get(name) ?? env(variable);
}

/** Of a service principal from the expression or the environment, or else of the machine's managed identity. */
async function accessToken(args: DiscoverArgs, world: World): Promise<string> {
  const { env } = world;
  const principal = {
    tenant: argOrEnv(args, "tenant_id", world, "ARM_TENANT_ID"),
    client: argOrEnv(args, "client_id", world, "ARM_CLIENT_ID"),
    secret: argOrEnv(args, "secret_access_key", world, "ARM_CLIENT_SECRET"),
  };
  const azureEnv = {
    tenant: env("AZURE_TENANT_ID"),
    client: env("AZURE_CLIENT_ID"),
    secret: env("AZURE_CLIENT_SECRET"),
  };
  const isWhole = ({ tenant, client, secret }: typeof principal) => tenant !== "" && client !== "" && secret !== "";
  const [used, kind] = isWhole(principal)
    ? [principal, "ClientCredentials"]
    : [isWhole(azureEnv) ? azureEnv : undefined, "EnvironmentCredentials"];
  try {
    const answer = await (used === undefined
      ? managedIdentity(env("AZURE_CLIENT_ID"), world)
      : askJson(world, {
          method: "POST",
          url: `${LOGIN}/${encodeURIComponent(used.tenant)}/oauth2/token?api-version=1.0`,
          headers: { "Content-Type": "application/x-www-form-urlencoded", Accept: "application/json" },
          body: new URLSearchParams({
            grant_type: "client_credentials",
            client_id: used.client,
            client_secret: used.secret,
            resource: RESOURCE,
          }).toString(),
        }));
    const token = textAt(answer, "access_token");
    if (token === undefined) throw new Error("there is no access token in the answer");
    return token;
  } catch (error) {
    throw new Error(`discover-azure (${kind}): ${(error as Error).message}`);
  }
}

function managedIdentity(client: string, world: World): Promise<unknown> {
  const query = new URLSearchParams({
    "api-version": "2018-02-01",
    resource: RESOURCE,
    ...(client === "" ? {} : { client_id: client }),
  });
  const url = `${METADATA}/metadata/identity/oauth2/token?${query}`;
  return askJson(world, { url, headers: { Metadata: "true" }, timeoutMs: METADATA_TIMEOUT_MS });
}
