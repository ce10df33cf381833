import { systemClock } from '#base'
import type { Clock } from '#base'
import { limitAt } from '#policy'
import type { BackupPolicy, LimitNow } from '#policy'
import type { AgentWork } from './job.ts'

export interface KeptLimits extends AsyncDisposable {
  /** For the program that works under them. */
  readonly flags: readonly string[]
}

/** KiB per second to which a pause comes down for a run that has begun: a line without a byte would be taken for a dead one. */
const trickle = 1

/**
 * Holds a run to its policy's limits, also when they change by the hour while it works: the program reads them again and again
 * from a file that is kept true until this is disposed of.
 */
export async function keepLimits(
  { limits = {}, when: { timeZone } }: BackupPolicy,
  { folder, now }: Pick<AgentWork, 'folder' | 'now'>,
  clock: Clock = systemClock,
): Promise<KeptLimits> {
  if ((limits.hours ?? []).length === 0) return { flags: flagsOf(limits), [Symbol.asyncDispose]: async () => undefined }
  const ending = new AbortController()
  const write = async (at: number) => {
    const holding = limitAt(limits, at, timeZone)
    const file = await folder.writeSecretFile('limits.json', JSON.stringify(ratesOf(holding)))
    return { file, until: holding.until }
  }
  const first = await write(now)
  const keep = async () => {
    for (let { until } = first; until !== undefined;) {
      // The wall clock may be set, and the machine may sleep: it is asked often.
      await clock.sleep(Math.min(longestSleep, Math.max(0, until - clock.now())), { signal: ending.signal })
      if (clock.now() >= until) ({ until } = await write(clock.now()))
    }
  }
  const keeping = keep().catch((thrown: unknown) => {
    if (!ending.signal.aborted) throw thrown
  })
  keeping.catch(() => undefined) // told when it is disposed of
  return {
    flags: ['--limit-file', first.file],
    [Symbol.asyncDispose]: async () => {
      ending.abort(new Error('the run is over'))
      await keeping
    },
  }
}

const longestSleep = 30_000

function ratesOf({ upload, download }: LimitNow) {
  return {
    ...(upload !== undefined && { upload: Math.max(trickle, upload) }),
    ...(download !== undefined && { download: Math.max(trickle, download) }),
  }
}

function flagsOf({ upload = 0, download = 0 }: { readonly upload?: number; readonly download?: number }): string[] {
  return [
    ...(upload > 0 ? ['--limit-upload', String(upload)] : []),
    ...(download > 0 ? ['--limit-download', String(download)] : []),
  ]
}
