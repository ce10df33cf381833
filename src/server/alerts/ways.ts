/** The ways on which alerts reach people, as the rules about the alerting itself look at them. */
import { type AlertSettings, type Channel, deadManId } from '#protocol'
import { type AlertState, type WayHealth, wayKey } from './state.ts'
import type { WayView } from './view.ts'

/** `mailHosts` answers which hosts take the mail for a domain (its MX records), as far as that is known. */
export function wayViews(
  settings: AlertSettings,
  state: AlertState,
  mailHosts: (domain: string) => readonly string[],
): readonly WayView[] {
  const channels = new Map(settings.channels.map((channel) => [channel.id, channel]))
  const toPeople = settings.people.flatMap((person) =>
    person.ways.flatMap(({ channel: id, address }): WayView[] => {
      const channel = channels.get(id)
      if (!channel) return []
      const about = { channel: { id, name: channel.name }, kind: channel.kind, clients: person.clients }
      const health = state.ways[wayKey(person.id, id)]?.health ?? null
      const hosts = hostsOf(channel, address, mailHosts)
      return [{ ...about, person: { id: person.id, name: person.name }, hosts, ...brokenOf(health) }]
    }),
  )
  return [...toPeople, ...outsideWatch(settings, state)]
}

function outsideWatch({ deadMan }: AlertSettings, state: AlertState): WayView[] {
  if (!deadMan) return []
  const { hostname } = new URL(deadMan.url)
  const channel = { id: deadManId, name: hostname }
  return [
    { channel, kind: 'dead_man', person: null, clients: [], hosts: [hostname], ...brokenOf(state.deadMan.health) },
  ]
}

function hostsOf(
  channel: Channel,
  address: string | undefined,
  mailHosts: (domain: string) => readonly string[],
): readonly string[] {
  if (channel.kind !== 'email') return [new URL(channel.url).hostname]
  const domain = address?.slice(address.lastIndexOf('@') + 1)
  return domain === undefined ? [channel.host] : [channel.host, ...mailHosts(domain), domain]
}

function brokenOf(health: WayHealth | null): Pick<WayView, 'broken'> {
  return health?.brokenSince ? { broken: { since: health.brokenSince, reason: health.reason } } : {}
}
