import { resolve } from 'node:path'
import { makeFirstCopy } from '#agent'
import { formatBytes, printable } from '#base'
import { folderFlag, folderOf } from '../agent-folder-flag.ts'
import { flag, setHelp, valueFlag } from '../command.ts'
import type { CliCommand } from '../command.ts'
import { runs, textOf } from '../context.ts'
import type { CommandContext, CommandFlags } from '../context.ts'
import { ownProgram } from '../own-program.ts'
import { count } from '../words.ts'

const about = `
Writes the first backup of this machine into a folder on a disk that is carried to the server, where the line would take too
long. Only the keys of the machine's repository are fetched over the line. On the server, the disk is taken in by
machine take-first-copy; from then on backups send only what has changed since. Until it has arrived, at most two weeks, the
planned backups of this machine wait; --forget lets them go over the line at once. Interrupted, the same command goes on.`

export function defineFirstCopy(command: CliCommand): void {
  setHelp(command, {
    text: about,
    examples: ['understudy agent first-copy /mnt/disk', 'understudy agent first-copy --forget'],
  })
  command.summary('write the first backup onto a disk').argument('[folder]').addOption(folderFlag())
  command.addOption(valueFlag('--hooks <folder>', 'the machine’s own hooks (default: /etc/understudy/hooks)'))
  command.addOption(flag('--forget', 'no disk is on its way any more: planned backups go over the line'))
  runs(command, firstCopy, { outlivesOutput: true })
}

async function firstCopy(context: CommandContext, args: readonly string[], flags: CommandFlags): Promise<void> {
  const { printer, signal } = context
  const folder = folderOf(context, flags)
  const isForgetting = flags.forget === true
  const [place] = args
  if (args.length !== (isForgetting ? 0 : 1) || (place === undefined) !== isForgetting)
    throw context.refuse('agent first-copy takes one folder, or --forget')
  if (place === undefined) {
    await folder.removeFirstCopy()
    if (printer.isJson) return printer.json({ message_type: 'first_copy_forgotten' })
    return printer.say('Planned backups of this machine go over the line.')
  }
  const hooks = textOf(flags, 'hooks')
  const page = await makeFirstCopy(folder, resolve(place), {
    program: ownProgram,
    signal,
    ...(hooks !== undefined && { hooksFolder: resolve(hooks) }),
    onProgress: (policy, progress) => {
      if (printer.isJson) printer.json({ message_type: 'status', policy, ...progress })
    },
    onEnded: (policy, { state, reason }) => {
      if (printer.isJson) printer.json({ message_type: 'backed_up', policy, state, reason })
      else printer.say(`"${printable(policy)}": ${state}${reason === undefined ? '' : `: ${printable(reason)}`}`)
    },
  })
  const { machineId, files, bytes, snapshots } = page
  if (printer.isJson) {
    const ids = snapshots.map(({ snapshotId }) => snapshotId)
    return printer.json({ message_type: 'summary', machine_id: machineId, files, bytes, snapshots: ids })
  }
  printer.say(
    `${count(snapshots.length, 'snapshot')}, ${formatBytes(bytes)} in ${count(files, 'file')}: carry it to the server.`,
  )
  printer.say(`There: understudy machine take-first-copy ${machineId} --folder FOLDER`)
}
