import { parseSize, parseUnusedLimit } from '#repository'
import type { PruneLimits } from '#repository'
import type { CliCommand } from './command.ts'
import { flag, valueFlag } from './command.ts'
import type { CommandContext, CommandFlags } from './context.ts'
import { parseGoDuration } from './words.ts'

/** The flags of `prune` that `forget --prune` has too, and what they say. */

export function addPruneFlags(command: CliCommand): void {
  for (const option of [
    valueFlag('--max-unused <limit>', 'unused data that may stay: 5%, 200M or unlimited (default: 5%)'),
    valueFlag('--max-repack-size <size>', 'stop after repacking so much: 500M, 2G'),
    flag('--repack-cacheable-only', 'repack only packs of trees'),
    flag('--repack-uncompressed', 'compress what is not compressed yet'),
    valueFlag('--repack-smaller-than <size>', 'packs below this size are put together'),
    valueFlag('--keep-deleted <duration>', 'how long packs wait until they are deleted (default: 23h; 0: not at all)'),
  ]) {
    command.addOption(option)
  }
}

export function readPruneLimits(context: CommandContext, flags: CommandFlags): PruneLimits {
  const text = (name: string) => flags[name] as string | undefined
  const size = (name: string) => {
    const given = text(name)
    return given === undefined ? undefined : parseSize(given)
  }
  if (flags.repackUncompressed === true && context.globals.compression === 'off') {
    throw context.refuse('--repack-uncompressed and --compression off exclude each other')
  }
  const maxUnused = text('maxUnused')
  return {
    maxUnused: maxUnused === undefined ? undefined : parseUnusedLimit(maxUnused),
    maxRepackBytes: size('maxRepackSize'),
    repackCacheableOnly: flags.repackCacheableOnly === true,
    repackUncompressed: flags.repackUncompressed === true,
    repackSmallerThan: size('repackSmallerThan'),
    keepDeleted: readKeepDeleted(context, text('keepDeleted')),
  }
}

function readKeepDeleted(context: CommandContext, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const milliseconds = parseGoDuration(text)
  if (milliseconds === undefined) throw context.refuse(`"${text}" is no duration for --keep-deleted; write 23h or 0`)
  return milliseconds
}
