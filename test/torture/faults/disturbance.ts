/** What may happen to a command while it runs: a plain value, decided beforehand, so that it can happen again. */
import { chance, pickWeighted } from '../random.ts'
import type { Random } from '../random.ts'

export type FileKind = 'pack' | 'index' | 'snapshot' | 'lock' | 'key'

export type Disturbance =
  | { readonly kind: 'none' }
  /** A signal after a share of the time that such a command usually takes. */
  | { readonly kind: 'signal'; readonly signal: 'SIGKILL' | 'SIGTERM' | 'SIGINT'; readonly after: number }
  /** It is stopped, and goes on after some milliseconds. */
  | { readonly kind: 'pause'; readonly after: number; readonly milliseconds: number }
  /** SIGKILL at a named moment of its work. */
  | Moment
  /** Calls of the storage go wrong; the program's own retries are to heal that. */
  | { readonly kind: 'storage'; readonly faults: readonly StorageFault[] }
  /** Requests to the server go wrong, one in so many. Only where there is a network. */
  | { readonly kind: 'network'; readonly seed: number; readonly share: number; readonly most: number }
  /** The disk of the repository has only so many bytes left. Only where it has a disk of its own. */
  | { readonly kind: 'full'; readonly room: number }
  /** The clock is wrong from the beginning, and jumps. */
  | { readonly kind: 'clock'; readonly offset: number; readonly jumps: readonly Jump[] }

export interface Moment {
  readonly kind: 'moment'
  readonly on: 'write' | 'delete'
  readonly type: FileKind
  /** Which of these calls, from 1. */
  readonly call: number
  readonly when: 'before' | 'during' | 'after'
}

export interface StorageFault {
  readonly on: 'read' | 'write' | 'delete' | 'list' | 'size' | 'any'
  readonly type: FileKind | undefined
  readonly call: number
  readonly times: number
  readonly what: 'fail' | 'lost reply' | 'delay' | 'cut read' | 'flip read'
  /** Which byte or bit, as a share. */
  readonly share: number
}

export interface Jump {
  /** Milliseconds after the start. */
  readonly after: number
  readonly by: number
}

/** True when a command that meets this need not succeed. */
export function mayFail(disturbance: Disturbance): boolean {
  if (disturbance.kind === 'storage') {
    return disturbance.faults.some(({ what }) => what === 'cut read' || what === 'flip read')
  }
  return disturbance.kind !== 'none' && disturbance.kind !== 'pause' && disturbance.kind !== 'network'
}

const kinds: readonly { readonly weight: number; readonly decide: (random: Random) => Disturbance }[] = [
  { weight: 22, decide: decideSignal },
  { weight: 14, decide: decideMoment },
  { weight: 7, decide: (random) => ({ kind: 'pause', after: random.next(), milliseconds: 20 + random.below(600) }) },
  { weight: 9, decide: (random) => ({ kind: 'storage', faults: [decideFault(random), decideFault(random)] }) },
  {
    weight: 9,
    decide: (random) => ({
      kind: 'network',
      seed: random.below(2 ** 31),
      share: random.pick([0.01, 0.1, 0.5]),
      most: 1 + random.below(4),
    }),
  },
  { weight: 8, decide: (random) => ({ kind: 'full', room: Math.floor(random.next() ** 3 * (4 << 20)) }) },
  { weight: 5, decide: decideClock },
]

/** Something goes wrong with the given chance. */
export function decideDisturbance(random: Random, share: number): Disturbance {
  return chance(random, share) ? pickWeighted(random, kinds).decide(random) : { kind: 'none' }
}

function decideSignal(random: Random): Disturbance {
  const signal = pickWeighted(random, [
    { weight: 6, signal: 'SIGKILL' },
    { weight: 2, signal: 'SIGTERM' },
    { weight: 1, signal: 'SIGINT' },
  ] as const).signal
  return { kind: 'signal', signal, after: random.next() * 1.1 }
}

function decideMoment(random: Random): Disturbance {
  const on = chance(random, 0.7) ? 'write' : 'delete'
  const types: readonly FileKind[] =
    on === 'write' ? ['pack', 'index', 'snapshot', 'lock'] : ['pack', 'index', 'snapshot', 'lock']
  return {
    kind: 'moment',
    on,
    type: random.pick(types),
    call: 1 + random.below(3),
    when: random.pick(['before', 'during', 'after'] as const),
  }
}

function decideFault(random: Random): StorageFault {
  const what = random.pick(['fail', 'fail', 'lost reply', 'lost reply', 'delay', 'cut read', 'flip read'] as const)
  const isRead = what === 'cut read' || what === 'flip read'
  return {
    on: isRead ? 'read' : random.pick(['read', 'write', 'write', 'delete', 'list', 'size', 'any'] as const),
    type: random.pick([undefined, 'pack', 'index', 'snapshot', 'lock'] as const),
    call: 1 + random.below(4),
    times: 1 + random.below(2),
    what,
    share: random.next(),
  }
}

const minute = 60_000
const day = 24 * 60 * minute

function decideClock(random: Random): Disturbance {
  const amounts = [-400 * day, -day, -50 * minute, -5 * minute, 5 * minute, 50 * minute, day, 400 * day]
  const jumps = Array.from({ length: random.below(3) }, () => ({
    after: random.below(1500),
    by: random.pick(amounts),
  }))
  return { kind: 'clock', offset: chance(random, 0.5) ? 0 : random.pick(amounts), jumps }
}
