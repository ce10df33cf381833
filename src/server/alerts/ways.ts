/** The ways on which alerts reach people, as the rules about the alerting itself look at them. */
import { type AlertSettings, type Channel, deadManId } from '#protocol'
import { type AlertState, type WayHealth, wayKey } from './state.ts'
import type { WayView } from './view.ts'

/** What names lead to, as far as that is known just now. */
export interface KnownNames {
  /** The hosts that take the mail for a domain: its MX records. */
  mailHosts(domain: string): readonly string[]
  /** The IP addresses of a host. */
  addressesOf(host: string): readonly string[]
}

export function wayViews(settings: AlertSettings, state: AlertState, names: KnownNames): readonly WayView[] {
  const channels = new Map(settings.channels.map((channel) => [channel.id, channel]))
  const toPeople = settings.people.flatMap((person) =>
    person.ways.flatMap(({ channel: id, address }): WayView[] => {
      const channel = channels.get(id)
      if (!channel) return []
      const about = { channel: { id, name: channel.name }, kind: channel.kind, clients: person.clients }
      const health = state.ways[wayKey(person.id, id)]?.health ?? null
      const hosts = withAddresses(hostsOf(channel, address, names), names)
      return [{ ...about, person: { id: person.id, name: person.name }, hosts, ...brokenOf(health) }]
    }),
  )
  return [...toPeople, ...outsideWatch(settings, state, names)]
}

function outsideWatch({ deadMan }: AlertSettings, state: AlertState, names: KnownNames): WayView[] {
  if (!deadMan) return []
  const { hostname } = new URL(deadMan.url)
  const channel = { id: deadManId, name: hostname }
  const hosts = withAddresses([hostname], names)
  return [{ channel, kind: 'dead_man', person: null, clients: [], hosts, ...brokenOf(state.deadMan.health) }]
}

/** A machine is often known by its address only, and a mail server by its name. */
function withAddresses(hosts: readonly string[], names: KnownNames): readonly string[] {
  return [...hosts, ...hosts.flatMap((host) => names.addressesOf(host))]
}

function hostsOf(channel: Channel, address: string | undefined, names: KnownNames): readonly string[] {
  if (channel.kind !== 'email') return [new URL(channel.url).hostname]
  const domain = address?.slice(address.lastIndexOf('@') + 1)
  return domain === undefined ? [channel.host] : [channel.host, ...names.mailHosts(domain), domain]
}

function brokenOf(health: WayHealth | null): Pick<WayView, 'broken'> {
  return health?.brokenSince ? { broken: { since: health.brokenSince, reason: health.reason } } : {}
}
