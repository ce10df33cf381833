/** Keeps a message readable: much of the same becomes one line. */
import { severities } from '#protocol'
import type { Condition } from './condition.ts'
import type { News, NewsGroup } from './message.ts'

/** News that a message says one by one; and how many of the same become one line when there is more. */
const mostSingle = 8
const groupFrom = 3
/** Names that a line gives. */
const mostNames = 5

/** The worst first; in the order of names where equally bad. Bounded, however much there is. */
export function sumUp(news: readonly News[]): {
  readonly news: readonly News[]
  readonly groups: readonly NewsGroup[]
} {
  const sorted = news.toSorted(byWeight)
  if (sorted.length <= mostSingle) return { news: sorted, groups: [] }
  const alike = [...Map.groupBy(sorted, likeness).values()]
  const single = alike.filter((group) => group.length < groupFrom).flat()
  // What would be too long even so is grouped as well: a group of one is a line, too.
  const kept = single.slice(0, mostSingle)
  const rest = [...Map.groupBy(single.slice(mostSingle), likeness).values()]
  const groups = [...alike.filter((group) => group.length >= groupFrom), ...rest].map(asGroup)
  return { news: kept, groups }
}

/** What has the same heading. There are only so many likenesses, whatever the number of machines. */
function likeness({ event, severity, condition: { kind, subject, facts } }: News): string {
  const { proof = '', finding = '', ended = '', how = '' } = facts as Readonly<Record<string, unknown>>
  return [event, severity, kind, subject.type, proof, finding, ended, how].join(' ')
}

function asGroup(alike: readonly News[]): NewsGroup {
  const [example] = alike as readonly [News, ...News[]]
  // One machine may have several policies that failed.
  const subjects = [...new Map(alike.map(({ condition: { subject } }) => [subject.id, subject])).values()]
  const names = subjects.slice(0, mostNames).map(({ name, client }) => ({ name, client: client?.name ?? null }))
  const sameReason = alike.every((item) => reasonOf(item.condition) === reasonOf(example.condition))
  return { count: subjects.length, names, example, sameReason }
}

/** Why it is so, where somebody has said why. */
export function reasonOf({ facts }: Condition): string | undefined {
  return 'reason' in facts ? (facts.reason ?? undefined) : undefined
}

/** Greater for what must be read first: what is bad before what is over. */
export function weightOf({ event, severity }: News): number {
  return event === 'resolved' || event === 'unwatched' ? -1 : severities.indexOf(severity)
}

function byWeight(a: News, b: News): number {
  const [first, second] = [a.condition, b.condition]
  return weightOf(b) - weightOf(a) || compare(first.subject.name, second.subject.name) || compare(first.key, second.key)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
