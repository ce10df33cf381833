import { defaultGroupBy, formatDurationUnits, isZero, parseDuration, parseGroupBy, parseKeepCount } from '#policy'
import type { GroupBy, KeepCount, Period, RetentionPolicy } from '#policy'
import type { CliCommand } from './command.ts'
import { flag, listFlag, valueFlag } from './command.ts'
import type { CommandFlags } from './context.ts'
import { addFilterFlags, readTagLists } from './snapshot-flags.ts'

/** The flags of `forget` that say what to keep. */

const periods: Readonly<Record<Period, string>> = {
  hourly: 'H',
  daily: 'd',
  weekly: 'w',
  monthly: 'm',
  yearly: 'y',
}

const periodNames = Object.keys(periods) as Period[]

export function addForgetFlags(command: CliCommand): void {
  command.addOption(valueFlag('-l, --keep-last <n>', 'keep the last n ("unlimited" for all)'))
  for (const period of periodNames) {
    const names = `-${periods[period]}, --keep-${period} <n>`
    command.addOption(valueFlag(names, `keep the last of each of the last n with a snapshot: ${period}`))
  }
  command.addOption(
    valueFlag('--keep-within <duration>', 'keep all that are not older than the newest by more: 1y5m7d2h'),
  )
  for (const period of periodNames) {
    command.addOption(valueFlag(`--keep-within-${period} <duration>`, `keep ${period} ones that are not older by more`))
  }
  command.addOption(listFlag('--keep-tag <tag[,tag…]>', 'keep all that have all these tags (several times)'))
  command.addOption(flag('--unsafe-allow-remove-all', 'let a group lose its last snapshot'))
  addFilterFlags(command, { hostShort: false })
  command.addOption(flag('-c, --compact', 'one line for each snapshot, without paths'))
  command.addOption(
    valueFlag('-g, --group-by <what>', "what makes a group: host, paths, tags, '' (default: host,paths)"),
  )
  command.addOption(flag('-n, --dry-run', 'remove nothing, only show what would be'))
  command.addOption(flag('--prune', 'prune afterwards, if a snapshot was removed'))
}

export function readGroupBy({ groupBy }: CommandFlags): GroupBy {
  return groupBy === undefined ? defaultGroupBy : parseGroupBy(groupBy as string)
}

export function readPolicy(flags: CommandFlags): RetentionPolicy {
  const keepCount = (name: string) => {
    const text = flags[name] as string | undefined
    return text === undefined ? undefined : parseKeepCount(text)
  }
  const duration = (name: string) => {
    const text = flags[name] as string | undefined
    return text === undefined ? undefined : parseDuration(text)
  }
  const forPeriods = <Value>(read: (name: string) => Value | undefined, prefix: string) =>
    Object.fromEntries(
      periodNames.flatMap((period) => {
        const value = read(`${prefix}${period.charAt(0).toUpperCase()}${period.slice(1)}`)
        return value === undefined ? [] : [[period, value]]
      }),
    ) as Partial<Record<Period, Value>>
  const [last, within] = [keepCount('keepLast'), duration('keepWithin')]
  return {
    ...(last !== undefined && { last }),
    counts: forPeriods(keepCount, 'keep'),
    ...(within && { within }),
    periodsWithin: forPeriods(duration, 'keepWithin'),
    tags: readTagLists(flags.keepTag),
  }
}

/** The policy in a sentence, as restic has it: `keep 7 latest, 4 weekly snapshots`. */
export function describePolicy({ last, counts, within, periodsWithin, tags = [] }: RetentionPolicy): string {
  const number = (name: string, value: KeepCount | undefined) => {
    if (value === undefined || value === 0) return []
    return [`${value === 'unlimited' ? 'all' : value} ${name}`]
  }
  const numbers = [...number('latest', last), ...periodNames.flatMap((period) => number(period, counts?.[period]))]
  const spans = periodNames.flatMap((period) => {
    const span = periodsWithin?.[period]
    return span && !isZero(span) ? [`${period} snapshots within ${formatDurationUnits(span)}`] : []
  })
  const parts = [...(numbers.length > 0 ? [`${numbers.join(', ')} snapshots`] : []), ...spans]
  const also = [
    ...(parts.length > 0 ? [parts.join(', ')] : []),
    ...(tags.length > 0 ? [`all snapshots with tags ${tags.map((list) => `[${list.join(', ')}]`).join(', ')}`] : []),
    ...(within && !isZero(within) ? [`all snapshots within ${formatDurationUnits(within)} of the newest`] : []),
  ]
  return also.length === 0 ? 'remove' : `keep ${also.join(' and ')}`
}
