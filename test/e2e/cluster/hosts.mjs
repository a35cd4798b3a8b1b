// Hosts of our own for agents: network namespaces behind a bridge, so that a host can be cut off or made to lose packets.
// Needs root, iproute2 and iptables; without them agents share the loopback network, where only processes can fail.
import { execFileSync } from "node:child_process";

const run = (command, ...args) => execFileSync(command, args, { stdio: ["ignore", "pipe", "pipe"] }).toString();

/** Whether namespaces can be made here; otherwise why not. */
export function namespacesRefusal() {
  if (process.getuid?.() !== 0) return "network namespaces need root";
  try {
    run("iptables", "--version");
    run("ip", "netns", "add", "tribune-probe");
    run("ip", "netns", "del", "tribune-probe");
    return undefined;
  } catch (error) {
    return `network namespaces cannot be made here: ${String(error.stderr ?? error.message).trim()}`;
  }
}

/** Hosts 10.99.N.1 … behind a bridge at 10.99.N.254, from where clients reach them. */
export class NamespaceHosts {
  #net;

  /** @param {number} net 1-250, one for each test that runs at the same time */
  constructor(net) {
    this.#net = net;
    this.close();
    run("ip", "link", "add", this.#bridge, "type", "bridge");
    run("ip", "addr", "add", `10.99.${net}.254/24`, "dev", this.#bridge);
    run("ip", "link", "set", this.#bridge, "up");
  }

  get #bridge() {
    return `trb${this.#net}`;
  }

  /** @returns {{address: string, wrap: string[]}} where to bind, and what to put before the command */
  add(number) {
    const name = `trb${this.#net}h${number}`;
    const address = `10.99.${this.#net}.${number}`;
    run("ip", "netns", "add", name);
    run("ip", "link", "add", `${name}v`, "type", "veth", "peer", "name", "eth0", "netns", name);
    run("ip", "link", "set", `${name}v`, "master", this.#bridge, "up");
    run("ip", "-n", name, "addr", "add", `${address}/24`, "dev", "eth0");
    run("ip", "-n", name, "link", "set", "eth0", "up");
    run("ip", "-n", name, "link", "set", "lo", "up");
    return { address, wrap: ["ip", "netns", "exec", name] };
  }

  /** Nothing passes to or from the host any more, its own clients' packets included. */
  cut(number) {
    run("ip", "link", "set", `trb${this.#net}h${number}v`, "down");
  }

  mend(number) {
    run("ip", "link", "set", `trb${this.#net}h${number}v`, "up");
  }

  /** Loses this fraction of the packets that come in, and as many of those that go out. */
  lose(number, fraction) {
    for (const chain of ["INPUT", "OUTPUT"])
      run(
        ...["ip", "netns", "exec", `trb${this.#net}h${number}`, "iptables", "-A", chain, "-m", "statistic"],
        ...["--mode", "random", "--probability", String(fraction), "-j", "DROP"],
      );
  }

  repair(number) {
    run("ip", "netns", "exec", `trb${this.#net}h${number}`, "iptables", "-F");
  }

  close() {
    for (const line of run("ip", "netns", "list").split("\n")) {
      const name = line.split(" ")[0];
      if (name.startsWith(`trb${this.#net}h`)) run("ip", "netns", "del", name);
    }
    try {
      run("ip", "link", "del", this.#bridge);
    } catch {
      // There is none yet.
    }
  }
}

/** Addresses of the loopback network: 127.99.N.1 … Processes can be killed and stopped, but not cut off. */
export class LoopbackHosts {
  #net;
  constructor(net) {
    this.#net = net;
  }
  add(number) {
    return { address: `127.99.${this.#net}.${number}`, wrap: [] };
  }
  close() {}
}
