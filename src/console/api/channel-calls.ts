import { alertPersonSchema, deliverySchema, doneSchema, shownChannelSchema } from '#protocol'
import type { channelSchema, channelTestSchema, newAlertPersonSchema } from '#protocol'
import { z } from 'zod'
import { call, shape } from './call.ts'

/** Who is told of alerts, and on which channels. */

export const listChannels = call({
  method: 'GET',
  path: '/api/alerts/channels',
  answer: z.array(shownChannelSchema),
  about: ['alert'],
})
export const addChannel = call({
  method: 'POST',
  path: '/api/alerts/channels',
  body: shape<z.input<typeof channelSchema>>(),
  answer: shownChannelSchema,
  about: ['alert'],
})
export const removeChannel = call({
  method: 'DELETE',
  path: '/api/alerts/channels/:channel',
  answer: doneSchema,
  about: ['alert'],
})
export const testChannel = call({
  method: 'POST',
  path: '/api/alerts/channels/:channel/test',
  body: shape<z.input<typeof channelTestSchema>>(),
  answer: deliverySchema,
})
export const listAlertPeople = call({
  method: 'GET',
  path: '/api/alerts/people',
  answer: z.array(alertPersonSchema),
  about: ['alert'],
})
export const setAlertPerson = call({
  method: 'PUT',
  path: '/api/alerts/people/:person',
  body: shape<z.input<typeof newAlertPersonSchema>>(),
  answer: alertPersonSchema,
  about: ['alert'],
})
export const removeAlertPerson = call({
  method: 'DELETE',
  path: '/api/alerts/people/:person',
  answer: doneSchema,
  about: ['alert'],
})
