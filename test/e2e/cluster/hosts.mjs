// Hosts of our own for agents: network namespaces behind a bridge, so that a host can be cut off or made to lose packets.
// Needs root, iproute2 and iptables; without them agents share the loopback network, where only processes can fail.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";

const run = (command, ...args) => execFileSync(command, args, { stdio: ["ignore", "pipe", "pipe"] }).toString();

/** Whether namespaces can be made here; otherwise why not. */
export function namespacesRefusal() {
  if (process.getuid?.() !== 0) return "network namespaces need root";
  // Test files run side by side, and each looks.
  const name = `tribune-probe-${process.pid}`;
  try {
    run("iptables", "--version");
    run("ip", "netns", "add", name);
    run("ip", "netns", "del", name);
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

  get #prefix() {
    return `trb${this.#net}h`;
  }

  /** @returns {{address: string, wrap: string[]}} where to bind, and what to put before the command */
  add(number) {
    const name = `trb${this.#net}h${number}`;
    const address = this.#address(number);
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
      this.#rule(number, chain, "-m", "statistic", "--mode", "random", "--probability", String(fraction), "-j", "DROP");
  }

  /** Nothing passes between the two, while both go on with everybody else. */
  part(number, other) {
    this.#rule(number, "INPUT", "-s", this.#address(other), "-j", "DROP");
    this.#rule(number, "OUTPUT", "-d", this.#address(other), "-j", "DROP");
  }

  /** The host finds nobody at this port of the other one any more; what is connected is reset. */
  refuse(number, other, port) {
    const reset = ["-j", "REJECT", "--reject-with", "tcp-reset"];
    this.#rule(number, "OUTPUT", "-d", this.#address(other), "-p", "tcp", "--dport", String(port), ...reset);
  }

  /** Takes back `lose`, `part` and `refuse`. */
  repair(number) {
    run("ip", "netns", "exec", `trb${this.#net}h${number}`, "iptables", "-F");
  }

  #address(number) {
    return `10.99.${this.#net}.${number}`;
  }

  #rule(number, chain, ...rule) {
    run("ip", "netns", "exec", `trb${this.#net}h${number}`, "iptables", "-A", chain, ...rule);
  }

  /** Takes away what there is of it, also what another run left behind. */
  close() {
    // A namespace that is deleted takes its links with it, but only later: their names would still be in use.
    for (const link of run("ip", "-o", "link", "show").matchAll(/^\d+: (trb\d+h\d+v)@/gm))
      if (link[1].startsWith(this.#prefix)) run("ip", "link", "del", link[1]);
    for (const line of run("ip", "netns", "list").split("\n")) {
      const name = line.split(" ")[0];
      if (name.startsWith(this.#prefix)) run("ip", "netns", "del", name);
    }
    if (existsSync(`/sys/class/net/${this.#bridge}`)) run("ip", "link", "del", this.#bridge);
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
