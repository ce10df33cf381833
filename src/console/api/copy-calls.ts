import { destinationSchema, operationSchema, placeTestSchema, repositorySchema } from '#protocol'
import { z } from 'zod'
import { call } from './call.ts'

/** Repositories, and where copies of them lie. */

export const listRepositories = call({
  method: 'GET',
  path: '/api/repositories',
  answer: z.array(repositorySchema),
  about: ['repository'],
})
export const listDestinations = call({
  method: 'GET',
  path: '/api/destinations',
  answer: z.array(destinationSchema),
  about: ['repository', 'operation'],
})
export const testDestination = call({
  method: 'POST',
  path: '/api/destinations/:destination/test',
  // Of disks, one of each that is here.
  answer: z.array(placeTestSchema.extend({ folder: z.string().nullable() })),
})
export const tryToDestroy = call({
  method: 'POST',
  path: '/api/destinations/:destination/tamper-test',
  answer: operationSchema,
  about: ['operation'],
})
export const copyNow = call({
  method: 'POST',
  path: '/api/destinations/:destination/copy',
  answer: z.array(operationSchema),
  about: ['operation'],
})
