/** Linode: instances with a tag, and the addresses of each (API v4). */
import { askJson, at, listAt, textAt } from "./json.ts";
import { arg, type Provider, pages } from "./provider.ts";

const API = "https://api.linode.com/v4/linode/instances";

export const linode: Provider = async (args, world) => {
  const token = arg(args, "api_token") || world.env("LINODE_TOKEN");
  const region = arg(args, "region");
  const tags = arg(args, "tag_name");
  const filter = JSON.stringify({ ...(region === "" ? {} : { region }), ...(tags === "" ? {} : { tags }) });
  const headers = { Authorization: `Bearer ${token}`, Accept: "application/json" };
  const ids: number[] = [];
  try {
    await pages(1, async (page) => {
      const answer = await askJson(world, { url: `${API}?page=${page}`, headers: { ...headers, "X-Filter": filter } });
      ids.push(...listAt(answer, "data").map((instance) => Number(at(instance, "id"))));
      return page < Number(at(answer, "pages")) ? page + 1 : undefined;
    });
  } catch (error) {
    throw new Error(`discover-linode: Fetching Linode instances failed: ${(error as Error).message}`);
  }
  const addresses: string[] = [];
  for (const id of ids) {
    try {
      const answer = await askJson(world, { url: `${API}/${id}/ips`, headers });
      const address = addressIn(answer, arg(args, "address_type"));
      if (address !== undefined) addresses.push(address);
    } catch (error) {
      const reason = (error as Error).message;
      throw new Error(`discover-linode: Fetching Linode IP address for instance ${id} failed: ${reason}`);
    }
  }
  return addresses;
};

function addressIn(answer: unknown, type: string): string | undefined {
  if (type === "public_v4") return textAt(listAt(answer, "ipv4", "public")[0], "address");
  if (type === "public_v6") return textAt(answer, "ipv6", "slaac", "address");
  if (type === "private_v6") return textAt(answer, "ipv6", "link_local", "address");
  return textAt(listAt(answer, "ipv4", "private")[0], "address");
}
