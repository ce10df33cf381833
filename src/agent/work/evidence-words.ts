import { randomUUID } from 'node:crypto'
import type { Pending } from '../state.ts'
import type { Measured } from './job.ts'

/** Pieces of evidence that are told at once. */
const most = 100

/** What was measured, as words to the server: each piece has an id of its own, so that it may be heard twice. */
export function* evidenceWords(measured: readonly Omit<Measured, 'id'>[]): Iterable<Pending> {
  for (let at = 0; at < measured.length; at += most) {
    const evidence = measured.slice(at, at + most).map((one) => ({
      ...one,
      id: randomUUID(),
      measuredAt: new Date(one.measuredAt).toISOString(),
    }))
    yield { path: '/api/machine/evidence', body: { evidence } }
  }
}
