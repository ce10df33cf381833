import { AgentFolder, coverageOf, enrol, formatDiscovery, look, proposePolicy, runAgent } from '#agent'
import type { CliCommand } from '../command.ts'
import { setHelp, valueFlag } from '../command.ts'
import { runs, textOf } from '../context.ts'
import type { CommandContext, CommandFlags } from '../context.ts'
import { agentFolder } from '../data-folder.ts'
import { ownProgram } from '../own-program.ts'
import { version } from '../version.ts'

const text = `
The agent works on a machine. It is enrolled at a server by the line that the server shows; then it runs, follows the backup
policies that the server gives it, also while the server is away, and reports. It calls the server and is never called, so
it works behind any router.`

export function define(command: CliCommand): void {
  setHelp(command, {
    text,
    examples: ['understudy agent enroll https://backup.example:8484/#…', 'understudy agent run'],
  })
  defineEnroll(command.command('enroll'))
  defineRun(command.command('run'))
  defineLook(command.command('look'))
}

const folderFlag = () => valueFlag('--data <folder>', 'where the agent keeps its key, policies and reports')

function folderOf({ env }: CommandContext, flags: CommandFlags): AgentFolder {
  return new AgentFolder(textOf(flags, 'data') ?? agentFolder(env))
}

function defineEnroll(command: CliCommand): void {
  const about =
    'Makes this machine known to the server that an enrolment line is from. The line is good for a while only.'
  setHelp(command, { text: about, examples: ['understudy agent enroll https://backup.example:8484/#…'] })
  command.summary('make this machine known to a server').argument('<line>').addOption(folderFlag())
  runs(command, async (context, [line = ''], flags) => {
    const { printer } = context
    const { machineId, origin, isApproved } = await enrol(folderOf(context, flags), line, { version })
    if (printer.isJson)
      return printer.json({ message_type: 'enrolled', machine_id: machineId, origin, approved: isApproved })
    printer.say(`This machine is known at ${origin} as ${machineId}.`)
    printer.say(isApproved ? 'Start it with: understudy agent run' : 'It may work once somebody has approved it there.')
  })
}

function defineRun(command: CliCommand): void {
  const about = 'Follows the backup policies of the server until it is told to end, and does the jobs that it is given.'
  setHelp(command, { text: about, examples: ['understudy agent run'] })
  command.summary('follow the server’s policies').addOption(folderFlag())
  runs(
    command,
    async (context, args, flags) => {
      const { printer, signal } = context
      if (args.length > 0) throw context.refuse('agent run takes no arguments')
      await runAgent({
        folder: folderOf(context, flags),
        program: ownProgram,
        version,
        signal,
        onEvent: (sentence) =>
          printer.isJson ? printer.json({ message_type: 'event', sentence }) : printer.say(sentence),
      })
    },
    { outlivesOutput: true, runsUntilStopped: true },
  )
}

function defineLook(command: CliCommand): void {
  const about =
    'Says what is on this machine (volumes, documents, shares, databases, servers), and proposes what to back up.'
  setHelp(command, { text: about, examples: ['understudy agent look', 'understudy agent look --json'] })
  command.summary('say what is on this machine')
  runs(command, async (context, args) => {
    const { printer, signal } = context
    if (args.length > 0) throw context.refuse('agent look takes no arguments')
    const discovery = await look({ signal })
    const proposal = proposePolicy(discovery)
    const coverage = coverageOf(discovery, [])
    if (printer.isJson) return printer.json({ message_type: 'discovery', discovery, coverage, proposal })
    for (const line of formatDiscovery(discovery, { coverage, proposal })) printer.result(line)
  })
}
