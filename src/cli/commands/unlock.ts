import { removeLocks } from '#repository'
import type { CliCommand } from '../command.ts'
import { flag, setHelp } from '../command.ts'
import { runs } from '../context.ts'
import { openForCommand } from '../open-repository.ts'
import { count } from '../words.ts'

const text = `
Removes locks that programs left behind: those of processes of this machine that are gone, and those that nobody has kept
up for half an hour. Other commands remove such locks by themselves as they meet them.`

export function define(command: CliCommand): void {
  setHelp(command, { text, examples: ['understudy unlock', 'understudy unlock --remove-all'] })
  command.addOption(
    flag('--remove-all', 'remove every lock, also of programs that are at work: only if there are none'),
  )
  runs(
    command,
    async (context, args, flags) => {
      if (args.length > 0) throw context.refuse('unlock takes no arguments')
      const { signal, printer } = context
      await using opened = await openForCommand(context)
      const removed = await removeLocks(opened.repository, { all: flags.removeAll === true, signal })
      if (removed > 0) printer.say(`successfully removed ${count(removed, 'lock')}`)
    },
    { outlivesOutput: true },
  )
}
