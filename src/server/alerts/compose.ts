/** From news to messages: what may be said now goes into one message a way, however much it is. */
import type { Person, Severity, Way } from '#protocol'
import { isAtLeast } from './condition.ts'
import { isQuiet } from './local-time.ts'
import type { Message, News } from './message.ts'
import { afterTelling, type Tellable } from './news.ts'
import { recipientOf } from './recipient.ts'
import { type AlertState, type OpenCondition, type Terms, type WayState, wayKey } from './state.ts'
import { sumUp } from './sum-up.ts'
import { hour, minute } from './units.ts'

/** What one way has to carry. */
export interface Mail {
  readonly person: Person
  readonly way: Way
  readonly items: readonly MailItem[]
}

export interface MailItem {
  readonly entry: OpenCondition
  readonly tellable: Tellable
}

/** The message, or null when it has to wait. Changes `state`: what is said counts as told. */
export function composeMessage(
  state: AlertState,
  { person, way, items }: Mail,
  { settings, now, clients }: Terms & { readonly clients: readonly string[] },
): Message | null {
  const key = wayKey(person.id, way.channel)
  const isNight = isQuiet(person.quietHours, person.timeZone, now)
  const speakable = isNight ? items.filter(({ tellable }) => wakes(tellable)) : items
  const { sent, health } = state.ways[key] ?? { sent: [], health: null }
  const lastHour = sent.filter(({ at }) => now - at < hour)
  if (speakable.length === 0 || mustWait(lastHour, speakable, { settings, now })) return null
  const id = `${now}-${++state.sequence}`
  for (const { entry, tellable } of speakable) {
    entry.told[key] = afterTelling(entry.told[key], tellable, { at: now, message: id })
    if (person.step === entry.step) entry.stepSince ??= now
  }
  const kinds = [...new Set(speakable.map(({ entry }) => entry.condition.kind))]
  state.ways[key] = { sent: [...lastHour, { at: now, kinds }], health }
  const news = speakable.map(({ entry: { condition }, tellable }) => ({ ...tellable, condition }))
  return {
    id,
    kind: 'alert',
    at: now,
    recipient: recipientOf(person, way, clients),
    severity: worstOf(news),
    ...sumUp(news),
  }
}

/** Only what is bad and new is worth somebody's sleep. */
function wakes({ event, severity }: Tellable): boolean {
  return severity === 'critical' && event !== 'reminder' && event !== 'resolved' && event !== 'unwatched'
}

/**
 * A storm of alerts becomes a few messages: what comes up shortly after a message is gathered, and more of what has been
 * said within the hour waits. A kind of alarm that has not been said within the hour never waits for that.
 */
function mustWait(sent: WayState['sent'], items: readonly MailItem[], { settings, now }: Terms): boolean {
  const last = sent.at(-1)
  if (!last) return false
  if (now - last.at < settings.gatherMinutes * minute) return true
  if (sent.length < settings.mostPerHour) return false
  const known = new Set(sent.flatMap(({ kinds }) => kinds))
  return !items.some(({ entry, tellable }) => wakes(tellable) && !known.has(entry.condition.kind))
}

function worstOf(news: readonly News[]): Severity | null {
  const bad = news.filter(({ event }) => event !== 'resolved' && event !== 'unwatched').map(({ severity }) => severity)
  return bad.reduce<Severity | null>(
    (worst, severity) => (worst && isAtLeast(worst, severity) ? worst : severity),
    null,
  )
}
