import { formatBytes } from '#base'
import { countSizes, countStats, loadIndex, statsModes } from '#repository'
import type { Stats, StatsMode } from '#repository'
import type { CliCommand } from '../command.ts'
import { setHelp, valueFlag } from '../command.ts'
import { runs } from '../context.ts'
import type { CommandContext, CommandFlags } from '../context.ts'
import { DamagedSnapshots } from '../damaged-snapshots.ts'
import { omitEmpty } from '../json.ts'
import { readRepository } from '../open-repository.ts'
import { describeSizes, sizeFields } from '../size-tables.ts'
import { addFilterFlags, findSnapshots, readFilter } from '../snapshot-flags.ts'

const text = `
Counts what snapshots hold: all, those with the given ids, or those that match the filters. The modes: restore-size is what
restoring them would write; files-by-contents counts files of equal content once; blobs-per-file their pieces, once for
each file; raw-data is what they take in the repository. The mode debug tells how large the files and blobs of the whole
repository are.`

export function define(command: CliCommand): void {
  setHelp(command, {
    text,
    examples: ['understudy stats latest', 'understudy stats --mode raw-data'],
  })
  command.argument('[id...]', 'snapshots to count')
  command.addOption(valueFlag('--mode <mode>', `${statsModes.join(', ')} or debug (default: restore-size)`))
  addFilterFlags(command)
  runs(command, stats)
}

async function stats(context: CommandContext, ids: readonly string[], flags: CommandFlags): Promise<void> {
  const mode = (flags.mode ?? 'restore-size') as StatsMode
  if (flags.mode === 'debug') return await printSizes(context)
  if (!statsModes.includes(mode))
    throw context.refuse(`there is no mode "${mode}"; there are ${statsModes.join(', ')} and debug`)
  const filter = readFilter(flags, context)
  const damaged = new DamagedSnapshots(context.printer)
  await readRepository(context, async (repository, signal) => {
    const snapshots = await findSnapshots(repository, { ids, filter, signal, onDamaged: damaged.passOver })
    const indexed = await loadIndex(repository, { signal })
    context.printer.sayOnTerminal('scanning...')
    const roots = snapshots.map(({ tree }) => tree)
    const counted = await countStats(indexed, roots, { mode, signal })
    if (context.printer.isJson) return context.printer.json(fieldsOf(counted))
    for (const line of describe(counted, mode)) context.printer.result(line)
  })
  damaged.throwIfAny()
}

async function printSizes(context: CommandContext): Promise<void> {
  const { printer } = context
  await readRepository(context, async (repository, signal) => {
    const sizes = await countSizes(await loadIndex(repository, { signal }), { signal })
    if (printer.isJson) return printer.json(sizeFields(sizes))
    for (const line of describeSizes(sizes)) printer.result(line)
  })
}

function fieldsOf({ size, files, blobs, snapshots, compression }: Stats): unknown {
  return {
    total_size: size,
    ...omitEmpty({
      total_uncompressed_size: compression?.uncompressedSize,
      compression_ratio: compression?.ratio,
      compression_progress: compression?.progress,
      compression_space_saving: compression?.saving,
      total_file_count: files,
      total_blob_count: blobs,
    }),
    snapshots_count: snapshots,
  }
}

function describe({ size, files, blobs, snapshots, compression }: Stats, mode: StatsMode): string[] {
  const row = (what: string, value: string | number) => `${`${what}:`.padStart(25)}  ${value}`
  return [
    `Stats in ${mode} mode:`,
    row('Snapshots processed', snapshots),
    ...(blobs > 0 ? [row('Total Blob Count', blobs)] : []),
    ...(files > 0 ? [row('Total File Count', files)] : []),
    ...(compression ? [row('Total Uncompressed Size', formatBytes(compression.uncompressedSize))] : []),
    row('Total Size', formatBytes(size)),
    ...(compression
      ? [
          row('Compression Progress', `${compression.progress.toFixed(2)}%`),
          row('Compression Ratio', `${compression.ratio.toFixed(2)}x`),
          row('Compression Space Saving', `${compression.saving.toFixed(2)}%`),
        ]
      : []),
  ]
}
