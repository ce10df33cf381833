/** Who is told what, where, now. Pure: everything that matters stands in the arguments. */
import type { Person, Way } from '#protocol'
import { forgetTheFuture } from './clock-set-back.ts'
import { composeMessage, type Mail, type MailItem } from './compose.ts'
import { isAtLeast } from './condition.ts'
import { digestsDue } from './digest.ts'
import { escalate } from './escalate.ts'
import type { Findings } from './find-conditions.ts'
import type { Message } from './message.ts'
import { newsFor } from './news.ts'
import { peopleFor, reach } from './people.ts'
import { type AlertState, copyState, type OpenCondition, type Terms, wayKey } from './state.ts'
import { takeIn } from './take-in.ts'
import { hour } from './units.ts'

export interface Decision {
  readonly state: AlertState
  /** To be stored together with the state, then sent. */
  readonly messages: readonly Message[]
}

/** Looks at what is so now and at what everybody knows, and decides what is to be said. `state` stays as it is. */
export function decideNotifications(state: AlertState, findings: Findings, terms: Terms): Decision {
  const next = copyState(state)
  forgetTheFuture(next, terms.now)
  takeIn(next, findings, terms)
  escalate(next, terms)
  const clients = Object.keys(findings.machines)
  const alerts = gatherByWay(next, terms).flatMap((mail) => composeMessage(next, mail, { ...terms, clients }) ?? [])
  return { state: next, messages: [...alerts, ...digestsDue(next, findings, terms)] }
}

function gatherByWay(state: AlertState, terms: Terms): Mail[] {
  const mails = new Map<string, Mail & { readonly items: MailItem[] }>()
  for (const entry of Object.values(state.open)) {
    const people = peopleFor(terms.settings, entry.condition)
    const firstStep = people.reduce((first, { step }) => Math.min(first, step), Infinity)
    for (const person of people) {
      for (const way of waysNow(person, entry, { state, ...terms })) {
        const key = wayKey(person.id, way.channel)
        const tellable = newsFor(entry, entry.told[key], { ...terms, isFirstStep: person.step === firstStep })
        if (!tellable) continue
        const mail = mails.get(key) ?? { person, way, items: [] }
        mail.items.push({ entry, tellable })
        mails.set(key, mail)
      }
    }
  }
  return [...mails.values()]
}

/** The ways on which this person may hear something of this condition now. */
function waysNow(
  person: Person,
  entry: OpenCondition,
  { state, settings, now }: Terms & { readonly state: AlertState },
): readonly Way[] {
  // Whoever has been told of it is told that it is over.
  if (entry.gone) return person.ways.filter(({ channel }) => entry.told[wayKey(person.id, channel)])
  if (entry.step === null || person.step > entry.step) return []
  const { working, trial, standIn } = reach(person, entry.condition, { state, now })
  return standIn && knows(person, entry, { settings, now }) ? trial : [...working, ...trial]
}

/** Whether the person has read it lately, on a way that may be broken by now. */
function knows(person: Person, { told, condition }: OpenCondition, { settings, now }: Terms): boolean {
  return person.ways.some(({ channel }) => {
    const known = told[wayKey(person.id, channel)]
    if (!known?.delivered || known.believes === null) return false
    return isAtLeast(known.believes, condition.severity) && now - known.at < settings.remindAfterHours * hour
  })
}
