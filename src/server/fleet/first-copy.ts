import { estimateFirstCopy, planSchedule } from '#policy'
import type { DiskTravel, FirstCopyEstimate } from '#policy'
import type { Discovery, Size } from '#protocol'
import type { Services } from '../app/services.ts'
import { isIn, sumOf } from './first-policy.ts'
import type { StoredPolicy } from './policies.ts'

/** How long the first copy of a machine by a policy will take. */

export interface FirstCopyQuestion {
  readonly machineId: string
  readonly policy: StoredPolicy
  readonly discovery: Discovery
  /** Bytes per second towards the repository, as somebody measured it; default: what the machine's own backups came to. */
  readonly lineRate?: number | undefined
  readonly disk?: DiskTravel | undefined
}

export interface FirstCopyAnswer {
  /** What the policy takes, as far as it was counted on the machine. */
  readonly size: Size
  /** Bytes per second; null: nobody measured it. */
  readonly lineRate: number | null
  readonly estimate: FirstCopyEstimate
}

export async function firstCopyOf(services: Services, question: FirstCopyQuestion): Promise<FirstCopyAnswer> {
  const {
    machineId,
    policy: { policy },
    discovery,
    disk,
  } = question
  const lineRate = question.lineRate ?? (await rateOfBackups(services, machineId))
  const size = sizeOf(policy.what.include, discovery)
  const { limits = {}, rest = {}, when } = policy
  const about = { now: services.clock.now(), timeZone: when.timeZone, bytes: size.bytes, lineRate, limits, rest, disk }
  return {
    size,
    lineRate: lineRate ?? null,
    estimate: estimateFirstCopy(about, planSchedule(when, { machine: machineId })),
  }
}

/** Less than this says more of the machine's disk and of calls to and fro than of the line, in bytes. */
const leastTelling = 16 << 20

/**
 * The best rate of the machine's newest backups. A backup reads and packs while it sends, so the line carries at least that.
 * Undefined: none has sent enough to tell.
 */
async function rateOfBackups({ store }: Services, machineId: string): Promise<number | undefined> {
  const rows = await store.db
    .selectFrom('operations')
    .select('result')
    .where('machineId', '=', machineId)
    .where('kind', '=', 'backup')
    .where('result', 'is not', null)
    .orderBy('createdAt', 'desc')
    .limit(50)
    .execute()
  const rates = rows.flatMap(({ result }) => {
    const { bytesAdded, seconds } = JSON.parse(result ?? '{}') as Record<string, unknown>
    const isTelling =
      typeof bytesAdded === 'number' && typeof seconds === 'number' && bytesAdded >= leastTelling && seconds > 0
    return isTelling ? [bytesAdded / seconds] : []
  })
  return rates.length === 0 ? undefined : Math.max(...rates)
}

/** Of whole volumes what is used of them; of folders what was found in them. */
export function sizeOf(include: readonly string[], { volumes, findings }: Discovery): Size {
  const outer = include.filter((path) => !include.some((other) => other !== path && isIn(path, other)))
  return sumOf(
    outer.map((path) => {
      const whole = volumes.filter((volume) => volume.kind === 'local' && isIn(volume.path, path))
      const found = findings.flatMap(({ places: [place], size, backUpBy }) =>
        place && size && backUpBy !== 'nothing' && isIn(place.path, path) ? [{ path: place.path, size }] : [],
      )
      const isInVolume = (place: string) => whole.some((volume) => isIn(place, volume.path))
      const apart = found.filter(
        (one) => !isInVolume(one.path) && !found.some((other) => other.path !== one.path && isIn(one.path, other.path)),
      )
      return sumOf([
        ...whole.map(({ usedBytes, files }) => ({
          bytes: usedBytes ?? 0,
          files: files ?? 0,
          isAtLeast: usedBytes === undefined,
        })),
        ...apart.map(({ size }) => size),
        // A folder in which nothing was found may still have something in it.
        ...(whole.length + apart.length === 0 ? [{ bytes: 0, files: 0, isAtLeast: true }] : []),
      ])
    }),
  )
}
