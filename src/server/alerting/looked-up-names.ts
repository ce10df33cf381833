import dns from 'node:dns/promises'
import { isIP } from 'node:net'
import { systemClock } from '#base'
import type { Clock } from '#base'
import type { AlertSettings } from '#protocol'
import type { KnownNames } from '../alerts/index.ts'

interface Lookups {
  readonly mailHosts: (domain: string) => Promise<readonly string[]>
  readonly addressesOf: (host: string) => Promise<readonly string[]>
}

const systemLookups: Lookups = {
  mailHosts: async (domain) => (await dns.resolveMx(domain)).map(({ exchange }) => exchange),
  addressesOf: async (host) => (await dns.lookup(host, { all: true })).map(({ address }) => address),
}

export interface LookedUpNamesOptions {
  readonly lookups?: Lookups
  readonly waiting?: Clock
}

interface Known {
  readonly values: readonly string[]
  readonly at: number
}

/** Milliseconds after which a name is looked up again. */
const holds = 6 * 60 * 60_000
/** Nobody waits longer for names: what is not known yet is known in the next round. */
const longestWait = 5_000

/** What the names lead to that alerts go by. What cannot be looked up now is as it was last. */
export class LookedUpNames implements KnownNames {
  readonly #clock: Clock
  readonly #lookups: Lookups
  readonly #waiting: Clock
  readonly #known = new Map<string, Known>()

  /** `waiting`: by which it waits for answers. */
  constructor(clock: Clock, { lookups = systemLookups, waiting = systemClock }: LookedUpNamesOptions = {}) {
    this.#clock = clock
    this.#lookups = lookups
    this.#waiting = waiting
  }

  mailHosts(domain: string): readonly string[] {
    return this.#known.get(`mail ${domain}`)?.values ?? []
  }

  addressesOf(host: string): readonly string[] {
    return this.#known.get(`host ${host}`)?.values ?? []
  }

  /** Looks up what the settings name and is not known, or has not been for a while. */
  async refresh(settings: AlertSettings): Promise<void> {
    const { mailHosts, addressesOf } = this.#lookups
    const domains = domainsOf(settings)
    const hosts = () => [...hostsOf(settings), ...domains, ...domains.flatMap((domain) => this.mailHosts(domain))]
    const all = async () => {
      await Promise.all(domains.map(async (domain) => await this.#lookUp(`mail ${domain}`, () => mailHosts(domain))))
      const unique = [...new Set(hosts())].filter((host) => isIP(host) === 0)
      await Promise.all(unique.map(async (host) => await this.#lookUp(`host ${host}`, () => addressesOf(host))))
    }
    const waiting = new AbortController()
    const enough = this.#waiting.sleep(longestWait, { signal: waiting.signal }).catch(() => undefined)
    await Promise.race([all(), enough])
    waiting.abort()
  }

  async #lookUp(key: string, ask: () => Promise<readonly string[]>): Promise<void> {
    const now = this.#clock.now()
    const known = this.#known.get(key)
    if (known && known.at <= now && now - known.at < holds) return
    // A name that leads nowhere says nothing of what the alerts depend on; whoever sends to it says so.
    const values = await ask().catch(() => known?.values ?? [])
    this.#known.set(key, { values, at: now })
  }
}

function domainsOf({ people }: AlertSettings): readonly string[] {
  const addresses = people.flatMap(({ ways }) => ways.flatMap(({ address }) => address ?? []))
  return [...new Set(addresses.map((address) => address.slice(address.lastIndexOf('@') + 1)))]
}

function hostsOf({ channels, deadMan }: AlertSettings): readonly string[] {
  const ofChannels = channels.map((channel) =>
    channel.kind === 'email' ? channel.host : new URL(channel.url).hostname,
  )
  return deadMan ? [...ofChannels, new URL(deadMan.url).hostname] : ofChannels
}
