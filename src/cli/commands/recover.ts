import { hostname, userInfo } from 'node:os'
import { formatLocalTime } from '#archiver'
import { executeRecovery, planRecovery } from '#repository'
import type { CliCommand } from '../command.ts'
import { flag, setHelp } from '../command.ts'
import { runs } from '../context.ts'
import type { CommandContext, CommandFlags } from '../context.ts'
import { printIndexPlan } from '../index-repair-view.ts'
import { StepStatus } from '../live-status.ts'
import { openForCommand, withLock } from '../open-repository.ts'
import { programVersion } from '../version.ts'
import { count, shortId } from '../words.ts'

const text = `
Makes a snapshot of all folders that no snapshot leads to: of snapshots that were forgotten, that are damaged, or that were
never finished. Each becomes a folder of the new snapshot, which has the tag "recovered". What a prune has taken out of use
is found, too, until a later prune deletes it.`

export function define(command: CliCommand): void {
  setHelp(command, { text, examples: ['understudy recover --dry-run', 'understudy recover'] })
  command.addOption(flag('-n, --dry-run', 'change nothing, only show what would be recovered'))
  runs(command, recover, { outlivesOutput: true })
}

const steps = {
  'load index': { title: 'loading indexes...', unit: 'index files' },
  'read packs': { title: 'reading packs', unit: 'packs' },
  'load trees': { title: 'loading trees', unit: 'trees' },
  'find used blobs': { title: 'finding data that is in use', unit: 'trees' },
}

async function recover(context: CommandContext, args: readonly string[], flags: CommandFlags): Promise<void> {
  const { printer, globals } = context
  if (args.length > 0) throw context.refuse('recover takes no arguments')
  const dryRun = flags.dryRun === true
  if (globals.noLock && !dryRun) throw context.refuse('recover goes without a lock only with --dry-run')
  await using opened = await openForCommand(context, { cache: 'none' })
  const { repository } = opened
  await withLock(context, repository, { exclusive: true, skip: dryRun && globals.noLock }, async (signal, lock) => {
    using status = new StepStatus(context, steps)
    const onProblem = (message: string) => printer.error(`warning: ${message}`)
    const plan = await planRecovery(repository, { signal, onProblem, onProgress: status.report })
    status[Symbol.dispose]()
    const { roots, index } = plan
    for (const root of roots) printer.detail(`found root tree ${root.toString('hex')}`)
    printer.say(`\nfound ${count(roots.length, 'folder')} that no snapshot leads to`)
    if (roots.length > 0) printIndexPlan(printer, index)
    const who = () => ({ ...identity(), time: formatLocalTime(Date.now()), programVersion })
    const id =
      roots.length > 0 && !dryRun && lock ? await executeRecovery(plan, { lock, signal, snapshot: who() }) : undefined
    if (printer.isJson) {
      const names = roots.map((root) => root.toString('hex'))
      printer.json({
        message_type: 'summary',
        dry_run: dryRun,
        roots: names,
        ...(id !== undefined && { snapshot_id: id }),
      })
    }
    if (id !== undefined) printer.say(`saved new snapshot ${shortId(id)}`)
    else printer.say(roots.length === 0 ? 'there is no snapshot to make' : 'nothing was changed: this was a dry run')
  })
}

function identity() {
  const { username, uid, gid } = userInfo()
  return { hostname: hostname(), username, uid: Math.max(0, uid), gid: Math.max(0, gid) }
}
