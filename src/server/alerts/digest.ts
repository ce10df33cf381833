/** The summary that comes daily or weekly: what is open, or that nothing is. That it comes shows that messages arrive. */
import type { AlertSettings, Person } from '#protocol'
import type { Findings } from './find-conditions.ts'
import { digestDate } from './local-time.ts'
import type { Message, News } from './message.ts'
import { peopleFor } from './people.ts'
import { hears, recipientOf } from './recipient.ts'
import { type AlertState, isBroken, personKey, type Terms } from './state.ts'
import { sumUp } from './sum-up.ts'

/** Changes `state`. */
export function digestsDue(state: AlertState, { machines }: Findings, { settings, now }: Terms): Message[] {
  return settings.people.flatMap((person) => {
    const way = person.ways.find(({ channel }) => !isBroken(state, person.id, channel))
    if (!person.digest || !way) return []
    const date = digestDate(person.digest, person.timeZone, now)
    const last = state.digests[personKey(person.id)]
    if (last === date) return []
    state.digests[personKey(person.id)] = date
    // The first digest comes at its hour, not in the moment in which somebody orders it.
    if (last === undefined) return []
    const news = openNews(state, person, settings)
    const counted = Object.entries(machines).flatMap(([client, count]) => (hears(person, client) ? count : []))
    const overview = { machines: counted.reduce((sum, count) => sum + count, 0), open: news.length }
    const id = `${now}-${++state.sequence}`
    return [
      {
        id,
        kind: 'digest',
        at: now,
        recipient: recipientOf(person, way, Object.keys(machines)),
        severity: null,
        ...sumUp(news),
        overview,
      },
    ]
  })
}

function openNews({ open }: AlertState, person: Person, settings: AlertSettings): News[] {
  return Object.values(open).flatMap(({ condition, gone }) => {
    if (gone || !peopleFor(settings, condition).includes(person)) return []
    return [{ event: 'open', severity: condition.severity, condition }]
  })
}
