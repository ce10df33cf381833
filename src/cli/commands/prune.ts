import type { CliCommand } from '../command.ts'
import { flag, setHelp, valueFlag } from '../command.ts'
import { runs } from '../context.ts'
import type { CommandContext, CommandFlags } from '../context.ts'
import { startThreads } from '../local-threads.ts'
import { openForCommand } from '../open-repository.ts'
import { addPruneFlags, readPruneLimits } from '../prune-options.ts'
import { runPrune } from '../run-prune.ts'

const text = `
Removes data that no snapshot needs. It shows its plan first, and works in two steps, so that nothing is lost whatever
happens: packs that are not needed leave the index and wait; a later prune deletes them when they have waited long enough
and are still not needed. It can be interrupted at any time; the next one goes on.`

export function define(command: CliCommand): void {
  setHelp(command, {
    text,
    examples: ['understudy prune --dry-run', 'understudy prune', 'understudy prune --keep-deleted 0 --max-unused 0'],
  })
  command.addOption(flag('-n, --dry-run', 'change nothing, only show the plan'))
  addPruneFlags(command)
  command.addOption(
    valueFlag(
      '--unsafe-recover-no-free-space <id>',
      'for a disk without a free byte: delete before the new index is written; wants the id of the repository',
    ),
  )
  runs(command, prune, { outlivesOutput: true })
}

async function prune(context: CommandContext, args: readonly string[], flags: CommandFlags): Promise<void> {
  if (args.length > 0) throw context.refuse('prune takes no arguments')
  const limits = readPruneLimits(context, flags)
  const dryRun = flags.dryRun === true
  if (context.globals.noLock && !dryRun) throw context.refuse('prune goes without a lock only with --dry-run')
  await using warm = dryRun ? undefined : startThreads()
  await using opened = await openForCommand(context)
  const { repository } = opened
  const recoverId = flags.unsafeRecoverNoFreeSpace as string | undefined
  if (recoverId !== undefined && recoverId !== repository.config.id) {
    throw context.refuse(`--unsafe-recover-no-free-space wants the id of this repository, ${repository.config.id}`)
  }
  const unsafe = recoverId !== undefined && { unsafeRecoverNoFreeSpace: true, maxRepackBytes: 0 }
  await runPrune(context, repository, { limits: { ...limits, ...unsafe }, dryRun, warm })
}
