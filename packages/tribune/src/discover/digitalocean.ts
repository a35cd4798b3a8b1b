/** DigitalOcean: droplets with a tag (API v2). */
import { askJson, listAt, textAt } from "./json.ts";
import { arg, type Provider, pages } from "./provider.ts";

const API = "https://api.digitalocean.com/v2/droplets";
const PER_PAGE = 200;

export const digitalocean: Provider = async (args, world) => {
  const region = arg(args, "region");
  const headers = { Authorization: `Bearer ${arg(args, "api_token")}`, Accept: "application/json" };
  const addresses: string[] = [];
  try {
    await pages(1, async (page) => {
      const query = new URLSearchParams({
        tag_name: arg(args, "tag_name"),
        page: String(page),
        per_page: String(PER_PAGE),
      });
      const answer = await askJson(world, { url: `${API}?${query}`, headers });
      for (const droplet of listAt(answer, "droplets")) {
        if (region !== "" && textAt(droplet, "region", "slug") !== region) continue;
        const own = listAt(droplet, "networks", "v4").find((network) => textAt(network, "type") === "private");
        const address = textAt(own, "ip_address");
        if (address !== undefined) addresses.push(address);
      }
      return textAt(answer, "links", "pages", "next") === undefined ? undefined : page + 1;
    });
  } catch (error) {
    throw new Error(`discover-digitalocean: ${(error as Error).message}`);
  }
  return addresses;
};
