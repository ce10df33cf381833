import { hostname, userInfo } from 'node:os'
import { formatDuration, formatRate } from '#base'
import { loadSnapshots, probeRepository } from '#repository'
import type { Measured, Repository } from '#repository'
import type { Check, Finding } from './finding.ts'

/** Checks of a repository and the line to it. They leave nothing behind. */
export function lineChecks(repository: Repository): Check[] {
  return [
    {
      name: 'repository line',
      run: async ({ signal }) => await measure(repository, signal),
      ifItFails: 'Backups to this repository, or restores from it, do not work from here.',
    },
    {
      name: 'repository clock',
      run: async ({ signal }) => await compareClocks(repository, signal),
      ifItFails: 'Snapshots cannot be listed.',
    },
  ]
}

const example = 100 * 2 ** 30
const slowLatency = 200
const slowRate = 1 << 20

async function measure(repository: Repository, signal: AbortSignal | undefined): Promise<Omit<Finding, 'name'>> {
  const owner = { hostname: hostname(), username: userInfo().username }
  const { latency, sent, fetched } = await probeRepository(repository, { owner, signal })
  const found =
    `${repository.backend.location}: written, read back equal and deleted; an answer takes ${latency.toFixed(1)} ms, ` +
    `${formatRate(sent.bytes, sent.seconds)} to send, ${formatRate(fetched.bytes, fetched.seconds)} to fetch`
  const means = `At this rate 100 GiB take ${timeOf(sent)} to send for the first time, and ${timeOf(fetched)} to get back.`
  const isSlow = latency > slowLatency || rate(sent) < slowRate || rate(fetched) < slowRate
  const figures = { latencyMs: latency, sentBytesPerSecond: rate(sent), fetchedBytesPerSecond: rate(fetched) }
  return { verdict: isSlow ? 'warning' : 'ok', found, means: isSlow ? `The line is slow. ${means}` : means, figures }
}

function rate({ bytes, seconds }: Measured): number {
  return Math.round(bytes / Math.max(seconds, 1e-6))
}

function timeOf(measured: Measured): string {
  const minutes = example / rate(measured) / 60
  if (minutes < 90) return `${Math.ceil(minutes)} minutes`
  return minutes < 48 * 60 ? `${(minutes / 60).toFixed(1)} hours` : `${(minutes / 1440).toFixed(1)} days`
}

const tolerance = 5 * 60_000

async function compareClocks(repository: Repository, signal: AbortSignal | undefined): Promise<Omit<Finding, 'name'>> {
  const snapshots = await loadSnapshots(repository, { signal, onDamaged: () => undefined })
  const newest = snapshots.at(-1)
  if (!newest)
    return { verdict: 'ok', found: 'there are no snapshots yet', means: 'There is nothing to compare the clock with.' }
  const ahead = Date.parse(newest.time) - Date.now()
  const found = `the newest snapshot is of ${newest.time}`
  if (ahead <= tolerance) return { verdict: 'ok', found, means: 'It is in the past, as it should be.' }
  return {
    verdict: 'warning',
    found: `${found}, ${formatDuration(ahead / 1000)} in the future`,
    means: 'The clock of this machine or of the one that made it is wrong; "latest" would go on meaning that snapshot.',
  }
}
