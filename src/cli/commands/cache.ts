import { formatBytes, messageOf } from '#base'
import { defaultCacheFolder, listCaches, removeCache, sizeOfCache } from '#backend'
import type { ListedCache } from '#backend'
import type { CliCommand } from '../command.ts'
import { flag, setHelp, valueFlag } from '../command.ts'
import { runs, textOf } from '../context.ts'
import type { CommandContext, CommandFlags } from '../context.ts'
import { formatTable } from '../table.ts'
import type { Column } from '../table.ts'
import { count } from '../words.ts'

const text = `
Lists the local caches: copies of indexes and trees of repositories on other machines, one for each repository. They hold
nothing that is not in the repository; one that is removed is made again when it is wanted. What was not used for 30 days
is old.`

const day = 86_400_000

export function define(command: CliCommand): void {
  setHelp(command, { text, examples: ['understudy cache', 'understudy cache --cleanup --max-age 7'] })
  command.addOption(flag('--cleanup', 'remove old caches'))
  command.addOption(valueFlag('--max-age <days>', 'after how many days without use a cache is old (default: 30)'))
  command.addOption(flag('--no-size', 'do not count the size of the caches'))
  runs(command, showCaches)
}

async function showCaches(context: CommandContext, args: readonly string[], flags: CommandFlags): Promise<void> {
  const { globals, printer, env } = context
  if (args.length > 0) throw context.refuse('cache takes no arguments')
  if (globals.noCache) throw context.refuse('with --no-cache there is no cache to work on')
  const maxAge = readMaxAge(context, flags)
  const folder = globals.cacheDir ?? defaultCacheFolder(env.variables)
  const caches = await listCaches(folder)
  const now = Date.now()
  const isOld = ({ lastUsed }: ListedCache) => lastUsed < now - maxAge
  if (flags.cleanup === true || globals.cleanupCache) return await removeAll(context, caches.filter(isOld))
  const sizes = new Map<ListedCache, number>()
  if (flags.noSize !== true) for (const cache of caches) sizes.set(cache, await sizeOfCache(cache))
  const rows = caches.map((cache) => ({ ...cache, old: isOld(cache), size: sizes.get(cache) }))
  if (printer.isJson) {
    return printer.json(
      rows.map(({ name, path, lastUsed, old, size }) => ({ id: name, path, last_used: new Date(lastUsed), old, size })),
    )
  }
  if (rows.length === 0) return printer.result(`no caches found in ${folder}`)
  for (const line of formatTable(columnsOf(now, sizes.size > 0), rows)) printer.result(line)
  printer.result(`${count(rows.length, 'cache')} in ${folder}`)
}

function readMaxAge(context: CommandContext, flags: CommandFlags): number {
  const given = textOf(flags, 'maxAge') ?? '30'
  if (!/^\d{1,6}$/.test(given)) throw context.refuse(`"${given}" is no number of days for --max-age`)
  return Number(given) * day
}

type Row = ListedCache & { readonly old: boolean; readonly size: number | undefined }

function columnsOf(now: number, withSize: boolean): Column<Row>[] {
  const columns: Column<Row>[] = [
    { title: 'Repo ID', cell: ({ name, isTemporary }) => (isTemporary ? name : name.slice(0, 10)) },
    {
      title: 'Last Used',
      cell: ({ lastUsed }) => `${Math.max(0, Math.floor((now - lastUsed) / day))} days ago`,
    },
    { title: 'Old', cell: ({ old }) => (old ? 'yes' : '') },
  ]
  if (withSize) columns.push({ title: 'Size', cell: ({ size = 0 }) => formatBytes(size).padStart(11) })
  return columns
}

async function removeAll({ printer }: CommandContext, caches: readonly ListedCache[]): Promise<void> {
  if (printer.isJson) printer.json({ message_type: 'cleanup', removed: caches.map(({ name }) => name) })
  if (caches.length === 0) return printer.say('no old cache dirs found')
  printer.say(`remove ${count(caches.length, 'old cache directory', 'old cache directories')}`)
  for (const cache of caches) {
    await removeCache(cache).catch((thrown: unknown) =>
      printer.error(`unable to remove ${cache.path}: ${messageOf(thrown)}`),
    )
  }
}
