/** Google Compute Engine: instances with a network tag, in the zones of a pattern (Compute API v1). */
import { gceMetadata, gceToken } from "./gce-token.ts";
import { askJson, listAt, textAt } from "./json.ts";
import { arg, METADATA_TIMEOUT_MS, type Provider, pages, type World } from "./provider.ts";

const API = "https://compute.googleapis.com/compute/v1/projects";

export const gce: Provider = async (args, world, logger) => {
  try {
    const project = arg(args, "project_name") || (await ownProject(world));
    logger.info(`discover-gce: Project name is "${project}"`);
    const token = await gceToken(arg(args, "credentials_file"), world);
    const list = (path: string, filter = ""): Promise<readonly unknown[]> =>
      items(`${API}/${encodeURIComponent(project)}/${path}`, filter, token, world);
    const pattern = arg(args, "zone_pattern");
    const zones = (await list("zones", pattern === "" ? "" : `name eq ${pattern}`)).flatMap(
      (zone) => textAt(zone, "name") ?? [],
    );
    logger.info(`discover-gce: Found zones [${zones.join(" ")}]`);
    const tag = arg(args, "tag_value");
    const addresses: string[] = [];
    for (const zone of zones)
      for (const instance of await list(`zones/${encodeURIComponent(zone)}/instances`)) {
        const address = textAt(listAt(instance, "networkInterfaces")[0], "networkIP");
        if (address !== undefined && listAt(instance, "tags", "items").includes(tag)) addresses.push(address);
      }
    return addresses;
  } catch (error) {
    throw new Error(`discover-gce: ${(error as Error).message}`);
  }
};

async function ownProject(world: World): Promise<string> {
  const url = `${gceMetadata(world)}/project/project-id`;
  const headers = { "Metadata-Flavor": "Google" };
  const { status, body } = await world.send({ url, headers, timeoutMs: METADATA_TIMEOUT_MS });
  if (status !== 200) throw new Error(`discover-gce: invalid status code ${status} when fetching project id`);
  return body.trim();
}

async function items(url: string, filter: string, token: string, world: World): Promise<readonly unknown[]> {
  const headers = { Authorization: `Bearer ${token}`, Accept: "application/json" };
  const found: unknown[] = [];
  await pages("", async (pageToken) => {
    const query = new URLSearchParams({
      ...(filter === "" ? {} : { filter }),
      ...(pageToken === "" ? {} : { pageToken }),
    });
    const answer = await askJson(world, { url: query.size === 0 ? url : `${url}?${query}`, headers });
    found.push(...listAt(answer, "items"));
    return textAt(answer, "nextPageToken");
  });
  return found;
}
