/**
 * People who may set up a channel name the address that this server then calls. It must not become their way into the
 * network where the server stands: loopback, private and link-local networks (where cloud providers keep credentials) are
 * refused unless the administrator has allowed them. What is checked is what the name leads to, once, and just that is
 * connected to: a name that answers differently the second time gains nothing.
 */
import dns from 'node:dns/promises'
import { BlockList, isIP, isIPv6 } from 'node:net'
import { messageOf } from '#base'
import { AlertError } from '../errors.ts'

export interface Address {
  readonly address: string
  readonly family: 4 | 6
  /** In a network that the administrator has allowed by name: also without encryption. */
  readonly isAllowed: boolean
}

export type Resolve = (host: string) => Promise<readonly { readonly address: string }[]>

export interface GuardOptions {
  /** Networks that may be reached although they are private: `192.168.10.0/24`, `fd00::/8`, or one address. */
  readonly allowed?: readonly string[] | undefined
  readonly resolve?: Resolve | undefined
}

export class AddressGuard {
  readonly #allowed: BlockList
  readonly #resolve: Resolve

  constructor({ allowed = [], resolve = (host) => dns.lookup(host, { all: true }) }: GuardOptions = {}) {
    this.#allowed = networks(allowed)
    this.#resolve = resolve
  }

  /** The addresses of `host` that may be connected to, at least one; throws when there is none. */
  async addressesOf(host: string): Promise<readonly [Address, ...Address[]]> {
    const name = host.replace(/^\[(.*)\]$/, '$1')
    const found = isIP(name) === 0 ? await this.#lookUp(name) : [name]
    const [first, ...others] = found.flatMap((address) => this.#admit(address))
    if (first) return [first, ...others]
    throw new AlertError('ALERT_ADDRESS_REFUSED', { host: name, address: found[0] ?? 'nowhere' })
  }

  async #lookUp(host: string): Promise<readonly string[]> {
    try {
      return (await this.#resolve(host)).map(({ address }) => address)
    } catch (thrown) {
      const reason = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : messageOf(thrown)
      throw new AlertError('ALERT_NAME_UNKNOWN', { host, reason, transient: true })
    }
  }

  #admit(address: string): Address[] {
    const family = isIPv6(address) ? 6 : 4
    const isAllowed = contains(this.#allowed, address)
    return isAllowed || !isPrivate(address) ? [{ address, family, isAllowed }] : []
  }
}

/** Not an address of the public Internet. */
export function isPrivate(address: string): boolean {
  // With a zone (`fe80::1%eth0`) it is link-local.
  return isIP(address) === 0 || address.includes('%') || contains(privateNetworks, address)
}

function contains(list: BlockList, address: string): boolean {
  // Node looks at an IPv4 address within IPv6 (`::ffff:127.0.0.1`) by the rules for IPv4, too.
  return list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}

function networks(list: readonly string[]): BlockList {
  const result = new BlockList()
  for (const network of list) {
    const [, address = '', prefix] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(network) ?? []
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    const bits = Number(prefix ?? (family === 'ipv6' ? 128 : 32))
    if (isIP(address) === 0 || address.includes('%') || bits > (family === 'ipv6' ? 128 : 32)) {
      throw new AlertError('ALERT_NETWORK_INVALID', { network })
    }
    result.addSubnet(address, bits, family)
  }
  return result
}

/** https://www.iana.org/assignments/iana-ipv4-special-registry and its sister for IPv6: what is not globally reachable. */
const privateNetworks = networks([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/96',
  // These carry an IPv4 address inside, which a gateway would take to any place.
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '2001::/23',
  '2002::/16',
  '100::/64',
  '2001:db8::/32',
  '3fff::/20',
  '5f00::/16',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
])
