/** Who is told what, where, now. Pure: everything that matters stands in the arguments. */
import type { AlertSettings, Person, Way } from '#protocol'
import { type Condition, isAtLeast } from './condition.ts'
import { digestsDue } from './digest.ts'
import { escalate } from './escalate.ts'
import type { Findings } from './find-conditions.ts'
import { isQuiet } from './local-time.ts'
import type { Message, News } from './message.ts'
import { afterTelling, newsFor, type Tellable } from './news.ts'
import { peopleFor, reach } from './people.ts'
import { recipientOf } from './recipient.ts'
import { type AlertState, type OpenCondition, type WayState, wayKey } from './state.ts'
import { sumUp } from './sum-up.ts'
import { takeIn } from './take-in.ts'

const minute = 60_000
const hour = 60 * minute

/** What holds for the whole decision. */
interface Terms {
  readonly settings: AlertSettings
  readonly now: number
}

export interface Decision {
  readonly state: AlertState
  /** To be stored together with the state, then sent. */
  readonly messages: readonly Message[]
}

/** Looks at what is so now and at what everybody knows, and decides what is to be said. `state` stays as it is. */
export function decideNotifications(state: AlertState, findings: Findings, { settings, now }: Terms): Decision {
  const next = structuredClone(state)
  takeIn(next, findings, { settings, now })
  escalate(next, { settings, now })
  const alerts = gatherByWay(next, { settings, now }).flatMap((mail) => compose(next, mail, { settings, now }))
  const digests = digestsDue(next, findings, { settings, now })
  return { state: next, messages: [...alerts, ...digests] }
}

/** What one way has to carry. */
interface Mail {
  readonly person: Person
  readonly way: Way
  readonly items: readonly { readonly entry: OpenCondition; readonly tellable: Tellable }[]
}

function gatherByWay(state: AlertState, { settings, now }: Terms): Mail[] {
  const mails = new Map<string, { person: Person; way: Way; items: { entry: OpenCondition; tellable: Tellable }[] }>()
  const firstSteps = new Map<string, number>()
  for (const entry of Object.values(state.open)) {
    for (const person of peopleFor(settings, entry.condition)) {
      const isFirstStep = person.step === firstStepOf(entry.condition, settings, firstSteps)
      for (const way of waysNow(person, entry, { state, settings, now })) {
        const key = wayKey(person.id, way.channel)
        const tellable = newsFor(entry, entry.told[key], { settings, now, isFirstStep })
        if (!tellable) continue
        const mail = mails.get(key) ?? { person, way, items: [] }
        mail.items.push({ entry, tellable })
        mails.set(key, mail)
      }
    }
  }
  return [...mails.values()]
}

function firstStepOf(condition: Condition, settings: AlertSettings, known: Map<string, number>): number {
  const client = condition.subject.client?.id ?? ''
  const step = known.get(client) ?? Math.min(...peopleFor(settings, condition).map((person) => person.step))
  known.set(client, step)
  return step
}

/** The ways on which this person may hear something of this condition now. */
function waysNow(
  person: Person,
  entry: OpenCondition,
  { state, settings, now }: Terms & { readonly state: AlertState },
): readonly Way[] {
  const { condition, told, gone, step } = entry
  // Whoever has been told of it is told that it is over.
  if (gone) return person.ways.filter(({ channel }) => told[wayKey(person.id, channel)])
  if (step === null || person.step > step) return []
  const { working, trial, standIn } = reach(person, condition, { state, now })
  const remindAfter = settings.remindAfterHours * hour
  const knows = person.ways.some(({ channel }) => {
    const known = told[wayKey(person.id, channel)]
    const isSo = known?.delivered && known.believes !== null && isAtLeast(known.believes, condition.severity)
    return isSo && now - known.at < remindAfter
  })
  return standIn && knows ? trial : [...working, ...trial]
}

/** One message for everything that a way has to carry, unless it has to wait. */
function compose(state: AlertState, { person, way, items }: Mail, { settings, now }: Terms): Message[] {
  const key = wayKey(person.id, way.channel)
  const quiet = isQuiet(person.quietHours, person.timeZone, now)
  const speakable = quiet ? items.filter(({ tellable }) => wakes(tellable)) : items
  const sent = (state.ways[key]?.sent ?? []).filter(({ at }) => now - at < hour)
  if (
    speakable.length === 0 ||
    mustWait(
      sent,
      speakable.map(({ entry, tellable }) => ({ kind: entry.condition.kind, ...tellable })),
      { settings, now },
    )
  ) {
    return []
  }
  const message = `${now}-${++state.sequence}`
  const news: News[] = speakable.map(({ entry: { condition }, tellable }) => ({ ...tellable, condition }))
  for (const { entry, tellable } of speakable) {
    entry.told[key] = afterTelling(entry.told[key], tellable, { at: now, message })
    if (person.step === entry.step) entry.stepSince ??= now
  }
  const kinds = [...new Set(news.map(({ condition }) => condition.kind))]
  state.ways[key] = { sent: [...sent, { at: now, kinds }], health: state.ways[key]?.health ?? null }
  return [
    {
      id: message,
      kind: 'alert',
      at: now,
      recipient: recipientOf(person, way),
      severity: worstOf(news),
      ...sumUp(news),
    },
  ]
}

/** Only what is bad and new is worth somebody's sleep. */
function wakes({ event, severity }: Tellable): boolean {
  return severity === 'critical' && event !== 'reminder' && event !== 'resolved' && event !== 'unwatched'
}

/**
 * A storm of alerts becomes a few messages: what comes up shortly after a message is gathered, and more of what has been
 * said within the hour waits. A kind of alarm that has not been said within the hour never waits for that.
 */
function mustWait(
  sent: WayState['sent'],
  items: readonly (Tellable & { readonly kind: string })[],
  { settings, now }: Terms,
): boolean {
  const last = sent.at(-1)
  if (!last) return false
  if (now - last.at < settings.gatherMinutes * minute) return true
  if (sent.length < settings.mostPerHour) return false
  const known = new Set(sent.flatMap(({ kinds }) => kinds))
  return !items.some((item) => wakes(item) && !known.has(item.kind))
}

function worstOf(news: readonly News[]): Message['severity'] {
  const bad = news.filter(({ event }) => event !== 'resolved' && event !== 'unwatched')
  return bad.reduce<Message['severity']>(
    (worst, { severity }) => (worst && isAtLeast(worst, severity) ? worst : severity),
    null,
  )
}
