import {
  alertPersonSchema,
  alertTimesSchema,
  attemptSchema,
  channelChangesSchema,
  channelSchema,
  channelTestSchema,
  deadManSchema,
  deliverySchema,
  doneSchema,
  newAlertPersonSchema,
  shownChannelSchema,
  shownWatchSchema,
} from '#protocol'
import type { AlertSettings } from '#protocol'
import { z } from 'zod'
import { withChangedChannel, withChannel, withoutChannel, channelOf } from '../alerting/change-channel.ts'
import { testChannel, withoutSecrets } from '../alerts/index.ts'
import type { Delivery, Message } from '../alerts/index.ts'
import type { Caller } from '../app/caller.ts'
import { route } from '../app/route.ts'
import type { Services } from '../app/services.ts'
import { ServerError } from '../errors.ts'
import { formatMoment, formatMomentOrNull } from '../time.ts'

/** Who is told of alerts, on which channels, when. All of it is the server's own: it has one set of channels for all clients. */

const access = { by: 'person', right: 'administer', of: 'server' } as const
/** As channels and people are called by whoever enters them. */
const nameInPath = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/)
const channelInPath = z.object({ channel: nameInPath })
const personInPath = z.object({ person: nameInPath })

/** Tries that one call gives. */
const pageLength = 200

export const alertSettingsRoutes = [
  route({
    method: 'GET',
    path: '/api/alerts/channels',
    summary: 'The channels on which alerts are told. What is secret of them is shown to nobody.',
    command: 'alert channels',
    access,
    answer: z.array(shownChannelSchema),
    handle: async (_, { alerting }) => (await alerting.settings.load()).channels.map(shown),
  }),
  route({
    method: 'POST',
    path: '/api/alerts/channels',
    summary: 'Makes a channel: email, webhook, slack, teams or ntfy.',
    command: 'alert add-channel',
    access,
    body: channelSchema,
    answer: shownChannelSchema,
    async handle({ body, caller }, services) {
      const settings = await services.alerting.settings.change((before) => withChannel(before, body))
      return await audited(services, caller, { what: 'alert-channel.create', channel: channelOf(settings, body.id) })
    },
  }),
  route({
    method: 'PATCH',
    path: '/api/alerts/channels/:channel',
    summary: 'Changes a channel. Secrets that are not named stay, unless it is to lead to another server.',
    command: 'alert change-channel',
    access,
    params: channelInPath,
    body: channelChangesSchema,
    answer: shownChannelSchema,
    async handle({ params: { channel: id }, body, caller }, services) {
      const settings = await services.alerting.settings.change((before) => withChangedChannel(before, id, body))
      return await audited(services, caller, { what: 'alert-channel.change', channel: channelOf(settings, id) })
    },
  }),
  route({
    method: 'DELETE',
    path: '/api/alerts/channels/:channel',
    summary: 'Removes a channel on which nobody is told any more.',
    command: 'alert remove-channel',
    access,
    params: channelInPath,
    answer: doneSchema,
    async handle({ params: { channel: id }, caller }, { alerting, audit }) {
      await alerting.settings.change((before) => withoutChannel(before, id))
      await audit.write({ actor: caller.actor, what: 'alert-channel.delete', details: { id } })
      return { done: true as const }
    },
  }),
  route({
    method: 'POST',
    path: '/api/alerts/channels/:channel/test',
    summary: 'Sends a message on a channel at once, and answers how it went.',
    command: 'alert test-channel',
    access,
    params: channelInPath,
    body: channelTestSchema,
    answer: deliverySchema,
    async handle({ params: { channel: id }, body: { address }, caller, signal }, services) {
      const { alerting, audit, clock } = services
      const channel = channelOf(await alerting.settings.load(), id)
      const recipient = await readerFor(services, caller, address)
      const delivery = await testChannel(channel, recipient, { postman: alerting.postman, clock, signal })
      const details = { id, outcome: delivery.outcome }
      await audit.write({ actor: caller.actor, what: 'alert-channel.test', details })
      return shownDelivery(delivery)
    },
  }),
  route({
    method: 'GET',
    path: '/api/alerts/people',
    summary: 'Who is told of alerts: on which channels, in which order, and when not.',
    command: 'alert people',
    access,
    answer: z.array(alertPersonSchema),
    handle: async (_, { alerting }) => (await alerting.settings.load()).people.map((person) => inputOf(person)),
  }),
  route({
    method: 'PUT',
    path: '/api/alerts/people/:person',
    summary: 'Sets who is told of alerts, and how: a person that is not there yet is added.',
    command: 'alert set-person',
    access,
    params: personInPath,
    body: newAlertPersonSchema,
    answer: alertPersonSchema,
    async handle({ params: { person: id }, body, caller }, services) {
      await requireClients(services, body.clients)
      const person = { ...body, id }
      await services.alerting.settings.change(({ people, ...others }) => {
        const isKnown = people.some((other) => other.id === id)
        const changed = isKnown ? people.map((other) => (other.id === id ? person : other)) : [...people, person]
        return { ...others, people: changed }
      })
      await services.audit.write({ actor: caller.actor, what: 'alert-person.set', details: { ...person } })
      return inputOf(person)
    },
  }),
  route({
    method: 'DELETE',
    path: '/api/alerts/people/:person',
    summary: 'Somebody is told of alerts no more.',
    command: 'alert remove-person',
    access,
    params: personInPath,
    answer: doneSchema,
    async handle({ params: { person: id }, caller }, { alerting, audit }) {
      await alerting.settings.change(({ people, ...others }) => {
        const left = people.filter((person) => person.id !== id)
        if (left.length === people.length) throw new ServerError('NOT_FOUND', { what: 'person' })
        return { ...others, people: left }
      })
      await audit.write({ actor: caller.actor, what: 'alert-person.delete', details: { id } })
      return { done: true as const }
    },
  }),
  route({
    method: 'GET',
    path: '/api/alerts/times',
    summary:
      'When what is still so is said again, when the next person is told, how long each kind of machine may be silent.',
    command: 'alert times',
    access,
    answer: alertTimesSchema,
    handle: async (_, { alerting }) => timesOf(await alerting.settings.load()),
  }),
  route({
    method: 'PUT',
    path: '/api/alerts/times',
    summary: 'Sets these times; what is not named is as usual.',
    command: 'alert set-times',
    access,
    body: alertTimesSchema,
    answer: alertTimesSchema,
    async handle({ body, caller }, { alerting, audit }) {
      const settings = await alerting.settings.change((before) => ({ ...before, ...body }))
      await audit.write({ actor: caller.actor, what: 'alert-times.set', details: { ...body } })
      return timesOf(settings)
    },
  }),
  route({
    method: 'GET',
    path: '/api/alerts/outside-watch',
    summary: 'The outside address that is called while all is well; null: there is none.',
    command: 'alert outside-watch',
    access,
    answer: shownWatchSchema,
    handle: async (_, { alerting }) => shownWatch(await alerting.settings.load()),
  }),
  route({
    method: 'PUT',
    path: '/api/alerts/outside-watch',
    summary:
      'Sets the outside address that is called while all is well: when the calls stay away, it raises the alarm.',
    command: 'alert set-outside-watch',
    access,
    body: deadManSchema,
    answer: shownWatchSchema,
    async handle({ body: deadMan, caller }, { alerting, audit }) {
      const settings = await alerting.settings.change((before) => ({ ...before, deadMan }))
      const details = { watch: shownWatch(settings) }
      await audit.write({ actor: caller.actor, what: 'outside-watch.set', details })
      return shownWatch(settings)
    },
  }),
  route({
    method: 'DELETE',
    path: '/api/alerts/outside-watch',
    summary: 'Nobody outside is called any more.',
    command: 'alert remove-outside-watch',
    access,
    answer: doneSchema,
    async handle({ caller }, { alerting, audit }) {
      await alerting.settings.change((before) => ({ ...before, deadMan: undefined }))
      await audit.write({ actor: caller.actor, what: 'outside-watch.delete' })
      return { done: true as const }
    },
  }),
  route({
    method: 'POST',
    path: '/api/alerts/outside-watch/test',
    summary: 'Calls the outside watch at once, and answers how it went.',
    command: 'alert test-outside-watch',
    access,
    answer: deliverySchema,
    async handle({ caller, signal }, { alerting, audit }) {
      const { deadMan } = await alerting.settings.load()
      if (!deadMan) throw new ServerError('NOT_FOUND', { what: 'outside watch' })
      const delivery = await alerting.postman.callWatch(deadMan, { signal })
      await audit.write({ actor: caller.actor, what: 'outside-watch.test', details: { outcome: delivery.outcome } })
      return shownDelivery(delivery)
    },
  }),
  route({
    method: 'GET',
    path: '/api/alerts/deliveries',
    summary: 'How messages fared, the newest first.',
    command: 'alert deliveries',
    access,
    query: z.object({
      before: z.coerce.number().int().optional().describe('the `seq` of the last one of the page before'),
    }),
    answer: z.array(attemptSchema.extend({ seq: z.int() })),
    async handle({ query: { before } }, { store }) {
      let query = store.db
        .selectFrom('alertAttempts')
        .innerJoin('alertMessages', 'alertMessages.id', 'alertAttempts.messageId')
        .select(['seq', 'at', 'messageId', 'delivery', 'nextAt', 'message'])
        .orderBy('seq', 'desc')
        .limit(pageLength)
      if (before !== undefined) query = query.where('seq', '<', before)
      return (await query.execute()).map(({ seq, at, messageId, delivery, nextAt, message }) => {
        const { recipient } = JSON.parse(message) as Message
        const about = { seq, at: formatMoment(at), message: messageId, nextAt: formatMomentOrNull(nextAt) }
        const to = { person: recipient.name, channel: recipient.channel }
        return { ...about, ...to, ...shownDelivery(JSON.parse(delivery) as Delivery) }
      })
    },
  }),
]

type Channel = AlertSettings['channels'][number]

function shown(channel: Channel): z.input<typeof shownChannelSchema> {
  const { id, name, kind } = channel
  return { ...withoutSecrets(channel), id, name, kind }
}

async function audited(
  { audit }: Services,
  { actor }: Caller,
  { what, channel }: { readonly what: string; readonly channel: Channel },
) {
  const answer = shown(channel)
  await audit.write({ actor, what, details: { channel: answer } })
  return answer
}

/** Who tries a channel reads the message, at an address of their own if none is named. */
async function readerFor({ store }: Services, { personId }: Caller, address: string | undefined) {
  const person = await store.db
    .selectFrom('people')
    .select(['name', 'email'])
    .where('id', '=', personId)
    .executeTakeFirst()
  const about = { person: 'test', name: person?.name ?? 'test', address: address ?? person?.email ?? null }
  return { ...about, language: 'en' as const, timeZone: 'UTC', namesClients: false }
}

function shownDelivery(delivery: Delivery): z.input<typeof deliverySchema> {
  if (delivery.outcome === 'delivered') return { delivered: true, words: delivery.answer, code: null, hint: null }
  const { reason, code, hint } = delivery
  return { delivered: false, words: reason, code, hint }
}

async function requireClients({ store }: Services, clients: 'all' | readonly string[]): Promise<void> {
  if (clients === 'all') return
  const unique = [...new Set(clients)]
  const known = await store.db.selectFrom('clients').select('id').where('id', 'in', unique).execute()
  if (known.length < unique.length) throw new ServerError('NOT_FOUND', { what: 'client' })
}

type Person = AlertSettings['people'][number]

function inputOf({ clients, ways, ...person }: Person): z.input<typeof alertPersonSchema> {
  return { ...person, clients: clients === 'all' ? clients : [...clients], ways: ways.map((way) => ({ ...way })) }
}

/** Channels, people and the outside watch have calls of their own. */
function timesOf(settings: AlertSettings): z.input<typeof alertTimesSchema> {
  const names = Object.keys(alertTimesSchema.shape) as (keyof typeof alertTimesSchema.shape)[]
  return Object.fromEntries(names.map((name) => [name, settings[name]]))
}

function shownWatch({ deadMan }: AlertSettings): z.input<typeof shownWatchSchema> {
  if (!deadMan) return null
  return { server: new URL(deadMan.url).origin, method: deadMan.method, everyMinutes: deadMan.everyMinutes }
}
