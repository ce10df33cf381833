/**
 * The alerting itself: channels that are broken, clients whom no channel reaches, and alerts that would fall silent
 * together with what they report on.
 */
import { isIP } from 'node:net'
import type { Severity } from '#protocol'
import { type Dependence, type Facts, type Finding, finding, type Subject } from '../condition.ts'
import type { AlertView, ClientRef, WayView } from '../view.ts'

export function alertingFindings(view: AlertView, now: number): Finding[] {
  const toPeople = view.ways.filter(({ kind }) => kind !== 'dead_man')
  const server: Subject = { type: 'server', id: 'server', name: view.server.name, client: null }
  const isWatched = view.ways.some(({ kind }) => kind === 'dead_man')
  const unwatched = { severity: 'notice', since: view.server.since, facts: {} } as const
  return [
    ...view.ways.map((way) => broken(way, toPeople)),
    ...view.clients.flatMap((client) => ofClient(client, toPeople, { view, now })),
    finding('outside_watch_missing', server, { trouble: isWatched ? null : unwatched }),
  ]
}

/** Critical when it leaves a client with no other way. */
function broken(way: WayView, toPeople: readonly WayView[]): Finding {
  const subject: Subject = { type: 'channel', ...way.channel, client: null }
  const part = way.person?.id ?? 'server'
  if (!way.broken) return finding('channel_broken', subject, { part, trouble: null })
  const { since, reason } = way.broken
  const reached = way.clients === 'all' ? [undefined] : way.clients
  const isAlone = reached.some((client) => !toPeople.some((other) => !other.broken && reaches(other, client)))
  const facts = { reason, reader: way.person?.name ?? null }
  return finding('channel_broken', subject, {
    part,
    trouble: { severity: isAlone ? 'critical' : 'warning', since, facts },
  })
}

function ofClient(
  client: ClientRef,
  toPeople: readonly WayView[],
  { view, now }: { readonly view: AlertView; readonly now: number },
): Finding[] {
  const subject: Subject = { type: 'client', id: client.id, name: client.name, client }
  const ways = toPeople.filter((way) => reaches(way, client.id))
  if (ways.length === 0) {
    const missing = { severity: 'critical', since: view.server.since, facts: {} } as const
    return [finding('alerting_missing', subject, { trouble: missing })]
  }
  const shared = sharedFate(ways, client, view)
  const severity: Severity = shared && isOurs(shared.how) ? 'warning' : 'notice'
  const dependent = shared && { severity, since: now, facts: shared }
  return [
    finding('alerting_missing', subject, { trouble: null }),
    finding('alerting_dependent', subject, { trouble: dependent ?? null }),
  ]
}

/** `undefined` asks for the alerts of everybody. */
function reaches({ clients }: WayView, client: string | undefined): boolean {
  return clients === 'all' || (client !== undefined && clients.includes(client))
}

/**
 * The one thing that all ways to a client's people need, if there is one. The machines that are protected come first, because
 * these are what the alerts are about: mail about a dead mail server never arrives.
 */
function sharedFate(
  ways: readonly WayView[],
  { id }: ClientRef,
  { machines, server }: AlertView,
): Facts['alerting_dependent'] | undefined {
  const own = machines.filter(({ client }) => client.id === id)
  const machine = own.find((candidate) => ways.every((way) => goesThrough(way, candidate)))
  if (machine) return { on: machine.name, how: 'machine' }
  if (ways.every((way) => goesThrough(way, server))) return { on: server.name, how: 'server' }
  const domain = inCommon(ways.map(({ hosts }) => hosts.flatMap((name) => domainOf(name) ?? [])))
  const ownDomains = own.flatMap(({ addresses }) => addresses.flatMap((name) => domainOf(name) ?? []))
  if (domain !== undefined && ownDomains.includes(domain)) return { on: domain, how: 'own_domain' }
  const host = inCommon(ways.map(({ hosts }) => hosts.map(normal)))
  if (host !== undefined) return { on: host, how: 'host' }
  return domain === undefined ? undefined : { on: domain, how: 'domain' }
}

/** What fails together with what is protected. A host of somebody else's fails by itself, and is worth a notice only. */
function isOurs(how: Dependence): boolean {
  return how === 'machine' || how === 'server' || how === 'own_domain'
}

function goesThrough({ hosts }: WayView, { addresses }: { readonly addresses: readonly string[] }): boolean {
  return hosts.some((host) => isOneOf(host, addresses))
}

function isOneOf(host: string, addresses: readonly string[]): boolean {
  return addresses.some((address) => normal(address) === normal(host))
}

/** The first that is in every list. */
function inCommon([first = [], ...others]: readonly (readonly string[])[]): string | undefined {
  return first.find((candidate) => others.every((other) => other.includes(candidate)))
}

function normal(host: string): string {
  return host.toLowerCase().replace(/\.$/, '')
}

/**
 * The domain that somebody registered: the last two labels, three where the second last is short (`firm.co.uk`). A guess
 * that needs no list of all registries; where it is wrong, a warning comes that need not.
 */
function domainOf(host: string): string | undefined {
  const name = normal(host)
  const labels = name.split('.')
  if (isIP(name) !== 0 || labels.length < 2) return undefined
  const isShort = (labels.at(-2) ?? '').length <= 3 && (labels.at(-1) ?? '').length === 2 && labels.length > 2
  return labels.slice(isShort ? -3 : -2).join('.')
}
