import { alertKeysSchema, alertSchema, doneSchema, idSchema, timeSchema, wordsSchema } from '#protocol'
import type { Language } from '#protocol'
import { z } from 'zod'
import { describeCondition, isAcknowledged, isMuted } from '../alerts/index.ts'
import type { OpenCondition } from '../alerts/index.ts'
import type { Answer } from '../alerting/alerting.ts'
import { clientsWith, may } from '../app/caller.ts'
import type { Caller } from '../app/caller.ts'
import { route } from '../app/route.ts'
import type { Services } from '../app/services.ts'
import { ServerError } from '../errors.ts'
import { formatMoment } from '../time.ts'

const ofClient = z.object({ client: idSchema })
const muteSchema = alertKeysSchema.extend({ until: timeSchema.describe('until when') })

/** Milliseconds for which something can be muted at most: what is muted for ever is forgotten. */
const longestMute = 31 * 86_400_000

export const alertRoutes = [
  route({
    method: 'GET',
    path: '/api/alerts',
    summary: 'What is not as it should be, the worst first.',
    command: 'alert list',
    access: { by: 'person', right: 'see', of: 'each' },
    query: wordsSchema.extend({ client: idSchema.optional().describe('only those of this client') }),
    answer: z.array(alertSchema),
    async handle({ caller, query: { client, ...words } }, { alerting, clock }) {
      const [{ state }, settings] = [await alerting.store.load(), await alerting.settings.load()]
      const now = clock.now()
      const seen = Object.values(state.open).filter((entry) => isSeen(entry, caller, client))
      return seen.toSorted(byWeight).map((entry) => ({
        ...describe(entry, { ...words, now }),
        acknowledged: isAcknowledged(entry, settings, now) ? shownAnswer(entry.acknowledged) : null,
        muted: entry.muted && isMuted(entry, now) ? shownMute(entry.muted) : null,
      }))
    },
  }),
  ...answering('acknowledge', 'Takes alerts on: nobody else is told, until one gets worse.', {
    body: alertKeysSchema,
    answer: (by) => ({ what: 'acknowledge', by }),
  }),
  ...answering('mute', 'Keeps alerts silent until then, unless one gets worse.', {
    body: muteSchema,
    answer: (by, { until }, now) => ({ what: 'mute', by, until: muteEnd(until, now) }),
  }),
  ...answering('unmute', 'Lets alerts be heard again that were muted.', {
    body: alertKeysSchema,
    answer: () => ({ what: 'unmute' }),
  }),
]

interface Answering<Body extends typeof alertKeysSchema> {
  readonly body: Body
  readonly answer: (by: string, body: z.output<Body>, now: number) => Answer
}

/** The same call for the alerts of a client, and for all there are. */
function answering<Body extends typeof alertKeysSchema>(
  verb: Answer['what'],
  summary: string,
  { body, answer }: Answering<Body>,
) {
  const reply = async (caller: Caller, clientId: string | null, given: z.output<Body>, services: Services) => {
    const { alerting, audit, clock } = services
    const { keys } = given
    await alerting.answer(clientId, keys, answer(caller.actor.who, given, clock.now()))
    await audit.write({ actor: caller.actor, what: `alert.${verb}`, clientId, details: { ...given } })
    return { done: true as const }
  }
  return [
    route({
      method: 'POST',
      path: `/api/clients/:client/alerts/${verb}`,
      summary,
      command: `client ${verb}-alerts`,
      access: { by: 'person', right: 'operate', of: 'client' },
      params: ofClient,
      body,
      answer: doneSchema,
      handle: async ({ caller, params: { client }, body: given }, services) =>
        await reply(caller, client, given, services),
    }),
    route({
      method: 'POST',
      path: `/api/alerts/${verb}`,
      summary: `${summary} Also those of the server itself.`,
      command: `alert ${verb}`,
      access: { by: 'person', right: 'operate', of: 'server' },
      body,
      answer: doneSchema,
      handle: async ({ caller, body: given }, services) => await reply(caller, null, given, services),
    }),
  ]
}

function muteEnd(until: string, now: number): number {
  const end = Date.parse(until)
  if (end > now && end - now <= longestMute) return end
  throw new ServerError('INPUT_INVALID', { part: 'body', reason: '"until": it is not within the next 31 days' })
}

function isSeen({ gone, condition }: OpenCondition, { grants }: Caller, client: string | undefined): boolean {
  const of = condition.subject.client?.id
  if (gone || (client !== undefined && of !== client)) return false
  const seen = clientsWith(grants, 'see')
  return of === undefined ? may(grants, 'see', '*') : seen === 'every' || seen.includes(of)
}

const severityOrder = ['critical', 'warning', 'notice']

function byWeight({ condition: a }: OpenCondition, { condition: b }: OpenCondition): number {
  return severityOrder.indexOf(a.severity) - severityOrder.indexOf(b.severity) || a.since - b.since
}

function describe(
  { condition }: OpenCondition,
  words: { readonly language: Language; readonly timeZone: string; readonly now: number },
) {
  const { key, kind, severity, subject, since, facts } = condition
  const { title, sentence, hint } = describeCondition(condition, words)
  const { type, id, name, client } = subject
  const about = { key, kind, severity, title, sentence, hint, facts: { ...facts } }
  return { ...about, subject: { type, id, name, clientId: client?.id ?? null }, since: formatMoment(since) }
}

function shownAnswer(answer: OpenCondition['acknowledged']) {
  return answer && { by: answer.by, at: formatMoment(answer.at) }
}

function shownMute({ by, until }: NonNullable<OpenCondition['muted']>) {
  return { by, until: formatMoment(until) }
}
